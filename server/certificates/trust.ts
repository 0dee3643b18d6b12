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
  /** As of a generation of the trust store, and only while the certificate is good. */
  caller?: Caller;
  generation: number;
}

export class Trust {
  readonly store: CertificateStore;
  readonly #peers = new WeakMap<Socket, Peer>();
  readonly #connections = new Map<string, Set<Peer>>();
  /** Whether strangers may read the metrics. */
  readonly #openMetrics: () => boolean;
  #entries = new Map<string, CertificateRecord>();
  #generation = 0;

  constructor(store: CertificateStore, openMetrics: () => boolean) {
    this.store = store;
    this.#openMetrics = openMetrics;
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

  /** Learns who is at the other end. `address`: of the client, with its port. */
  meet(socket: TLSSocket, address: string): void {
    const shown = socket.getPeerX509Certificate();
    const certificate = shown && describeCertificate(shown);
    const username = certificate?.fingerprint ?? "";
    const peer: Peer = { socket, requestor: { username, protocol: "tls", address }, certificate, generation: -1 };
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

  #judge({ requestor, certificate }: Peer): Caller {
    if (!certificate) return this.#stranger(requestor, {});
    const shown = { certificate: certificate.der };
    const entry = isWithinDates(certificate) ? this.#entries.get(certificate.fingerprint) : undefined;
    if (entry?.type !== "client") return this.#stranger(requestor, shown, entry);
    if (!entry.restricted) return { ...administrator(requestor), ...shown };
    return { requestor, trusted: true, admin: false, ...shown, accessTo: (project) => this.#accessOf(entry, project) };
  }

  #accessOf({ fingerprint, role }: CertificateRecord, project: string): ProjectAccess | undefined {
    return this.store.isMember(fingerprint, project) ? accessOf[role] : undefined;
  }

  /** `metrics`: the entry of a certificate that may read them. */
  #stranger(requestor: Requestor, shown: Pick<Caller, "certificate">, metrics?: CertificateRecord): Caller {
    const openMetrics = this.#openMetrics;
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
