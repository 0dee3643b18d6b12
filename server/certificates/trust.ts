// Whom the server trusts over the network, and the connections they have.
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ProjectAccess } from "../api/endpoint.ts";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import { accessOf, administrator, type Caller } from "../auth/caller.ts";
import { describeCertificate, isWithinDates, type ParsedCertificate } from "./parse.ts";
import { type CertificateRecord, CertificateStore } from "./store.ts";

/** How long the client that cuts its own connections has to read the answer, in ms. */
const farewell = 1000;

/** Who is at the other end of a TLS connection. */
interface Peer {
  readonly socket: Socket;
  readonly requestor: Requestor;
  readonly certificate: ParsedCertificate | undefined;
  /** The authority has signed it, and has not revoked it. */
  readonly isSigned: boolean;
  /** As of a generation of the trust store, and only while the certificate is good. */
  caller?: Caller;
  generation: number;
}

/** What else decides who is trusted. */
export interface TrustRules {
  /** Whether strangers may read the metrics. */
  openMetrics(): boolean;
  /** There is an authority: no certificate is worth anything that it has not signed. */
  readonly hasAuthority: boolean;
  /** Whether what the authority has signed is trusted, without an entry here. */
  trustsSigned(): boolean;
}

export class Trust {
  readonly store: CertificateStore;
  readonly #peers = new WeakMap<Socket, Peer>();
  readonly #connections = new Map<string, Set<Peer>>();
  readonly #rules: TrustRules;
  #entries = new Map<string, CertificateRecord>();
  #generation = 0;

  constructor(store: CertificateStore, rules: TrustRules) {
    this.store = store;
    this.#rules = rules;
    this.#read();
  }

  #read(): void {
    this.#entries = new Map(this.store.list().map((record) => [record.fingerprint, record]));
    this.#generation++;
  }

  list(): CertificateRecord[] {
    return [...this.#entries.values()];
  }

  /** The one whose fingerprint begins so. Throws `certificate_not_found` or `certificate_ambiguous`. */
  get(fingerprint: string): CertificateRecord {
    const exact = this.#entries.get(fingerprint);
    if (exact) return exact;
    const found = /^[\da-f]+$/.test(fingerprint) ? this.list().filter((one) => one.fingerprint.startsWith(fingerprint)) : [];
    if (found.length > 1) throw fail("certificate_ambiguous", { fingerprint });
    if (!found[0]) throw fail("certificate_not_found");
    return found[0];
  }

  /** Throws `certificate_exists` or `project_not_found`. */
  add(record: CertificateRecord, projects: readonly string[]): void {
    this.store.insert(record, projects);
    this.#read();
  }

  /** Connections of the old certificate are cut, `by`'s own once it has got its answer. */
  replace(fingerprint: string, record: CertificateRecord, projects: readonly string[], by: Caller): void {
    this.store.replace(fingerprint, record, projects);
    this.#read();
    this.#cut(fingerprint, by);
  }

  remove(fingerprint: string, by: Caller): void {
    this.store.remove(fingerprint);
    this.#read();
    this.#cut(fingerprint, by);
  }

  #cut(fingerprint: string, by: Caller): void {
    for (const peer of this.#connections.get(fingerprint) ?? []) {
      if (peer.caller === by) setTimeout(() => peer.socket.destroy(), farewell).unref();
      else peer.socket.destroy();
    }
  }

  /** Signed certificates are trusted no longer, or from now on: who has no entry is judged anew, or goes. */
  reconsiderSigned(): void {
    this.#generation++;
    for (const [fingerprint, peers] of this.#connections) {
      if (this.#entries.has(fingerprint)) continue;
      for (const { socket, caller } of peers) if (caller?.trusted) setTimeout(() => socket.destroy(), farewell).unref();
    }
  }

  /** Learns who is at the other end. `address`: of the client, with its port. */
  meet(socket: TLSSocket, address: string): void {
    const shown = socket.getPeerX509Certificate();
    const certificate = shown && describeCertificate(shown);
    const username = certificate?.fingerprint ?? "";
    const peer: Peer = { socket, requestor: { username, protocol: "tls", address }, certificate, isSigned: socket.authorized, generation: -1 };
    this.#peers.set(socket, peer);
    if (!certificate) return;
    let others = this.#connections.get(username);
    if (!others) this.#connections.set(username, (others = new Set()));
    others.add(peer);
    socket.once("close", () => {
      others.delete(peer);
      if (others.size === 0) this.#connections.delete(username);
    });
  }

  /** The caller behind a connection; undefined when it is not of TLS. */
  callerOf(socket: Socket): Caller | undefined {
    const peer = this.#peers.get(socket);
    if (!peer) return undefined;
    const { caller, generation, certificate } = peer;
    if (caller && generation === this.#generation && !(certificate && Date.now() > certificate.until)) return caller;
    peer.generation = this.#generation;
    return (peer.caller = this.#judge(peer));
  }

  #judge({ requestor, certificate, isSigned }: Peer): Caller {
    if (!certificate) return this.#stranger(requestor, {});
    const shown = { certificate: certificate.der };
    const { hasAuthority, trustsSigned } = this.#rules;
    if (!isWithinDates(certificate) || (hasAuthority && !isSigned)) return this.#stranger(requestor, shown);
    const entry = this.#entries.get(certificate.fingerprint);
    if (!entry && hasAuthority && trustsSigned()) return { ...administrator(requestor), ...shown };
    if (entry?.type !== "client") return this.#stranger(requestor, shown, entry);
    if (!entry.restricted) return { ...administrator(requestor), ...shown };
    return { requestor, trusted: true, admin: false, ...shown, accessTo: (project) => this.#accessOf(entry, project) };
  }

  #accessOf({ fingerprint, role }: CertificateRecord, project: string): ProjectAccess | undefined {
    return this.store.isMember(fingerprint, project) ? accessOf[role] : undefined;
  }

  /** `metrics`: the entry of a certificate that may read them. */
  #stranger(requestor: Requestor, shown: Pick<Caller, "certificate">, metrics?: CertificateRecord): Caller {
    const { openMetrics } = this.#rules;
    const reader: Caller = {
      requestor, trusted: true, admin: false,
      accessTo: (project) => (!metrics?.restricted || this.#accessOf(metrics, project) ? "view" : undefined),
    };
    return {
      requestor, trusted: false, admin: false, ...shown, accessTo: () => undefined,
      get forMetrics() {
        return metrics || openMetrics() ? reader : undefined;
      },
    };
  }
}
