// Whom the server knows by a bearer token, and the connections they have.
import { randomUUID, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { fail } from "../api/errors.ts";
import { accessOf, administrator, type Caller } from "../auth/caller.ts";
import { log } from "../log.ts";
import { type BearerRecord, type BearerRights, BearerStore } from "./store.ts";
import { endOfToken, hashToken, makeToken, tokenIn } from "./token.ts";

/** How long the client that cuts its own connections has to read the answer, in ms. */
const farewell = 1000;
const longestTimer = 2 ** 31 - 1;

/** The last token that a connection has shown. */
interface Session {
  readonly socket: Socket;
  readonly hash: string;
  readonly identity: BearerRecord;
  readonly caller: Caller;
  readonly generation: number;
}

export class Bearers {
  readonly store: BearerStore;
  readonly #sessions = new WeakMap<Socket, Session>();
  /** By the identity's id. */
  readonly #connections = new Map<string, Set<Socket>>();
  #entries = new Map<string, BearerRecord>();
  #byToken = new Map<string, BearerRecord>();
  #generation = 0;

  constructor(store: BearerStore) {
    this.store = store;
    this.#read();
  }

  #read(): void {
    const all = this.store.list();
    this.#entries = new Map(all.map((record) => [record.uuid, record]));
    this.#byToken = new Map(all.filter(({ token }) => token !== "").map((record) => [record.token, record]));
    this.#generation++;
  }

  list(): BearerRecord[] {
    return [...this.#entries.values()];
  }

  /** By name or id. Throws `identity_not_found`. */
  get(name: string): BearerRecord {
    const found = this.#entries.get(name) ?? this.list().find((one) => one.name === name);
    if (!found) throw fail("identity_not_found");
    return found;
  }

  /** Throws `identity_exists` or `project_not_found`. */
  add(name: string, rights: BearerRights): void {
    this.store.insert(randomUUID(), name, rights);
    this.#read();
  }

  /** What changes of an identity cuts its connections, `by`'s own once it has got its answer. */
  setRights({ uuid }: BearerRecord, rights: BearerRights, by: Caller): void {
    this.store.setRights(uuid, rights);
    this.#changed(uuid, by);
  }

  /** Issues a token in the place of the old one. Throws `bad_request`. */
  issue({ uuid }: BearerRecord, expiry: string, fingerprint: string, by: Caller): string {
    const now = new Date();
    const until = endOfToken(expiry, now);
    const token = makeToken(uuid, fingerprint, now, until);
    this.store.setToken(uuid, hashToken(token), until.getTime());
    this.#changed(uuid, by);
    return token;
  }

  revoke({ uuid }: BearerRecord, by: Caller): void {
    this.store.setToken(uuid, "", 0);
    this.#changed(uuid, by);
  }

  remove({ uuid }: BearerRecord, by: Caller): void {
    this.store.remove(uuid);
    this.#changed(uuid, by);
  }

  #changed(uuid: string, by: Caller): void {
    this.#read();
    for (const socket of this.#connections.get(uuid) ?? []) {
      if (this.#sessions.get(socket)?.caller === by) setTimeout(() => socket.destroy(), farewell).unref();
      else socket.destroy();
    }
  }

  /** Who shows a token in a request; undefined when it shows none. Throws `bearer_refused` or `bearer_expired`. */
  callerOf(socket: Socket, header: string | undefined, address: string): Caller | undefined {
    const token = tokenIn(header);
    if (token === undefined) return undefined;
    const hash = hashToken(token);
    const known = this.#sessions.get(socket);
    const isGood = known?.generation === this.#generation && known.hash === hash && Date.now() < known.identity.expiresAt;
    return (isGood ? known : this.#meet(socket, hash, address)).caller;
  }

  /** Whoever guesses learns nothing from the time that this takes: it depends on a hash, which cannot be chosen. */
  #meet(socket: Socket, hash: string, address: string): Session {
    const identity = this.#byToken.get(hash);
    if (!identity || !timingSafeEqual(Buffer.from(identity.token), Buffer.from(hash))) {
      log.warn("wrong bearer token", { address });
      throw fail("bearer_refused");
    }
    if (Date.now() >= identity.expiresAt) {
      log.warn("expired bearer token", { address, identity: identity.name });
      throw fail("bearer_expired");
    }
    const session: Session = { socket, hash, identity, caller: this.#judge(identity, address), generation: this.#generation };
    this.#sessions.set(socket, session);
    this.#remember(session);
    return session;
  }

  #judge({ uuid, name, restricted, role }: BearerRecord, address: string): Caller {
    const requestor = { username: name, protocol: "bearer", address } as const;
    if (!restricted) return administrator(requestor);
    return { requestor, trusted: true, admin: false, accessTo: (project) => (this.store.isMember(uuid, project) ? accessOf[role] : undefined) };
  }

  /** A connection ends with its token: a websocket may be open for longer than a token is good. */
  #remember({ socket, identity: { uuid, expiresAt } }: Session): void {
    let others = this.#connections.get(uuid);
    if (!others) this.#connections.set(uuid, (others = new Set()));
    if (others.has(socket)) return;
    others.add(socket);
    const left = expiresAt - Date.now();
    const end = left < longestTimer ? setTimeout(() => socket.destroy(), left).unref() : undefined;
    socket.once("close", () => {
      clearTimeout(end);
      others.delete(socket);
      if (others.size === 0 && this.#connections.get(uuid) === others) this.#connections.delete(uuid);
    });
  }
}
