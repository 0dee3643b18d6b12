// The proxies of all instances that run: which there are, who has which address, and the forwarder that serves them.
// The forwarder outlives the daemon; whenever it dies it is started anew with all that it had.
import { sweepNatForwards } from "../../../networks/nftables/apply-forward.ts";
import { BerthError, fail } from "../../api/errors.ts";
import { run } from "../../host/run.ts";
import { explain, log } from "../../log.ts";
import { clash, formatAddress, type ProxyAddress } from "./address.ts";
import { findForwarder, type Forwarder, forgetForwarder, killForwarder, startForwarder } from "./forwarder-process.ts";
import { type ForwarderFault, type ProxySpec, protocolVersion, type Reply, type Request } from "./spec.ts";

/** Milliseconds before a forwarder that died is started again; twice as many each time, while it keeps dying. */
const firstDelay = 50;
const longestDelay = 10_000;
/** One that lived this long was healthy. */
const healthyAfter = 10_000;

const same = (a: ProxySpec, b: ProxySpec | undefined) => JSON.stringify(a) === JSON.stringify(b);

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the address is in use", EADDRNOTAVAIL: "no interface has this address", EEXIST: "a file that is no socket has this name",
  ENOENT: "there is no such folder", ENOTDIR: "there is no such folder", EACCES: "access is refused", ESRCH: "the instance has stopped",
  ENAMETOOLONG: "the name is too long", EROFS: "the file system is read-only", EMFILE: "too many sockets are open",
};

/** Who listens where on the host, be it by the forwarder or by rules of the firewall. */
interface Claim {
  readonly listen: ProxyAddress;
  readonly bind: "host" | "instance";
  /** Under which rules of the firewall have it. */
  readonly label?: string;
}

const instanceOf = (key: string) => key.slice(0, key.lastIndexOf("/"));
const deviceOf = (key: string) => key.slice(key.lastIndexOf("/") + 1);

export class Proxies {
  readonly #dir: string;
  readonly #claims = new Map<string, Claim>();
  readonly #wanted = new Map<string, ProxySpec>();
  #forwarder: Forwarder | undefined;
  /** The forwarder that was last brought to what is wanted. */
  #checked: Forwarder | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #since = 0;
  #delay = firstDelay;
  #closed = false;

  /** `dir`: where the forwarder has its things. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Takes an address for a proxy. Throws `proxy_listen_failed`, naming who has it. */
  claim(key: string, claim: Claim): void {
    const { listen, bind } = claim;
    for (const [other, taken] of this.#claims) {
      const apart = other === key || taken.bind !== bind || (bind === "instance" && instanceOf(other) !== instanceOf(key));
      if (apart || !clash(listen, taken.listen)) continue;
      const reason = `the proxy device "${deviceOf(other)}" of instance "${instanceOf(other)}" has it`;
      throw fail("proxy_listen_failed", { device: deviceOf(key), address: formatAddress(listen), reason, hint: "" });
    }
    this.#claims.set(key, claim);
  }

  /** Gives an address back. */
  unclaim(key: string): void {
    this.#claims.delete(key);
  }

  /** Serves a proxy from now on. Throws `proxy_listen_failed`, `proxy_forwarder_failed`. */
  async add(spec: ProxySpec): Promise<void> {
    this.claim(spec.key, spec);
    try {
      await this.#inTurn(async () => {
        const { error } = await this.#ask({ do: "add", proxy: spec });
        if (error) throw listenFailed(spec, error);
        this.#wanted.set(spec.key, spec);
      });
    } catch (error) {
      this.unclaim(spec.key);
      throw error;
    }
  }

  /** Serves it no more. Idempotent. */
  async remove(key: string): Promise<void> {
    this.unclaim(key);
    await this.#inTurn(async () => {
      if (this.#wanted.has(key) || this.#forwarder || (await this.#find())) await this.#ask({ do: "remove", key });
      this.#wanted.delete(key);
    });
  }

  /** What a guest that was found running has: the forwarder is asked about it when all are known. */
  keep(spec: ProxySpec): void {
    this.#claims.set(spec.key, spec);
    this.#wanted.set(spec.key, spec);
  }

  /** Brings the forwarder that was found, or a new one, to what is wanted, and removes rules that belong to nobody. */
  async recover(): Promise<void> {
    const labels = () => [...this.#claims.values()].flatMap(({ label }) => label ?? []);
    await sweepNatForwards(labels, run).catch((error) => log.warn("rules of proxy devices were not looked at", { error: explain(error) }));
    await this.#inTurn(async () => {
      if (this.#wanted.size > 0 || (await this.#find())) await this.#ready();
    });
  }

  /** The daemon goes; the forwarder goes on. */
  close(): void {
    this.#closed = true;
    this.#forwarder?.leave();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #find(): Promise<Forwarder | undefined> {
    if (this.#forwarder) return this.#forwarder;
    const found = await findForwarder(this.#dir);
    return found && this.#follow(found);
  }

  #follow(forwarder: Forwarder): Forwarder {
    this.#forwarder = forwarder;
    this.#since = Date.now();
    void forwarder.gone.then(() => {
      if (this.#forwarder !== forwarder) return;
      this.#forwarder = undefined;
      if (!this.#closed && this.#wanted.size > 0) this.#died();
    });
    return forwarder;
  }

  #died(): void {
    if (Date.now() - this.#since > healthyAfter) this.#delay = firstDelay;
    log.warn("the forwarder of proxy devices died, starting it again", { delay: this.#delay });
    setTimeout(() => {
      void this.#inTurn(async () => {
        if (!this.#closed && this.#wanted.size > 0) await this.#ready();
      }).catch((error) => {
        log.error("the forwarder of proxy devices could not be started", { error: explain(error) });
        if (!this.#closed) this.#died();
      });
    }, this.#delay).unref();
    this.#delay = Math.min(this.#delay * 2, longestDelay);
  }

  /** Asks the forwarder, once more when it has ended meanwhile. */
  async #ask(request: Request): Promise<Reply> {
    await this.#ready();
    try {
      return await this.#askOnce(request);
    } catch (error) {
      if (error instanceof BerthError) throw error;
      this.#forwarder = undefined;
      await this.#ready();
      return this.#askOnce(request);
    }
  }

  /** A forwarder that has nothing left to serve ends, and is waited for. */
  async #askOnce(request: Request): Promise<Reply> {
    const forwarder = this.#forwarder ?? this.#follow(await startForwarder(this.#dir));
    const reply = await forwarder.ask(request);
    if (reply.proxies.length === 0) {
      if (this.#forwarder === forwarder) this.#forwarder = undefined;
      await forgetForwarder(this.#dir, forwarder);
    }
    return reply;
  }

  /** Sees to it that the forwarder, if there is one or there should be, serves what is wanted. */
  async #ready(): Promise<void> {
    if (this.#checked !== undefined && this.#checked === this.#forwarder) return;
    let served: readonly ProxySpec[] = [];
    try {
      if (await this.#find()) served = await this.#servedBefore();
    } catch (error) {
      log.warn("a forwarder that does not answer is replaced", { error: explain(error) });
      this.#forwarder = undefined;
      await killForwarder(this.#dir);
    }
    await this.#repair(new Map(served.map((spec) => [spec.key, spec])));
    this.#checked = this.#forwarder;
  }

  /** What a forwarder serves that was started before. One that speaks otherwise is replaced. */
  async #servedBefore(): Promise<readonly ProxySpec[]> {
    const { version, proxies } = await this.#askOnce({ do: "list" });
    if (version === protocolVersion) return proxies;
    log.info("replacing the forwarder of another version");
    const old = this.#forwarder;
    this.#forwarder = undefined;
    old?.leave();
    await killForwarder(this.#dir);
    return [];
  }

  /** Adds what is missing, replaces what differs, and removes what nobody wants. */
  async #repair(served: ReadonlyMap<string, ProxySpec>): Promise<void> {
    for (const [key, spec] of served) if (!same(spec, this.#wanted.get(key))) await this.#askOnce({ do: "remove", key });
    for (const [key, spec] of this.#wanted) {
      if (same(spec, served.get(key))) continue;
      const { error } = await this.#askOnce({ do: "add", proxy: spec });
      if (error) log.error("a proxy device does not work", { instance: instanceOf(key), device: deviceOf(key), error: listenFailed(spec, error).message });
    }
  }
}

function listenFailed({ key, listen }: ProxySpec, { code, address, message }: ForwarderFault): BerthError {
  const details = { device: deviceOf(key), address: address ?? formatAddress(listen), reason: reasons[code] ?? message };
  const hint = code === "EADDRINUSE" && listen.protocol !== "unix" ? `See who has it: ss -lnp ${listen.protocol === "tcp" ? "-t" : "-u"}` : "";
  return fail("proxy_listen_failed", { ...details, hint });
}
