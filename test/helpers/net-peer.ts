// Servers and clients in a network namespace: of a daemon, or of a guest.
//   await using peer = NetPeer.on(daemon); await peer.ask("tcp:127.0.0.1:80", "hello")
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Daemon } from "./daemon.ts";

const script = fileURLToPath(new URL("net-peer.mjs", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: each command has fields of its own
type Fields = Record<string, any>;

/** `tcp:ADDRESS:PORT`, `udp:…` or `unix:PATH` as the fields of a command. */
function place(address: string): Fields {
  const [, kind = "", rest = ""] = /^(\w+):(.*)$/.exec(address) ?? [];
  if (kind === "unix") return { kind, path: rest };
  const colon = rest.lastIndexOf(":");
  return { kind, host: rest.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(rest.slice(colon + 1)) };
}

let count = 0;

export class NetPeer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (reply: Fields) => void; reject: (error: Error) => void }>();

  private constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], cwd: "/" });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { call, error, ...reply } = JSON.parse(line) as Fields;
      const waiting = this.#waiting.get(call);
      this.#waiting.delete(call);
      if (error) waiting?.reject(new Error(error));
      else waiting?.resolve(reply);
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the peer has ended"));
    });
  }

  /** On the host of a daemon. */
  static on(daemon: Daemon): NetPeer {
    return new NetPeer(...daemon.namespace.wrap(process.execPath, [script]));
  }

  /** In the network of a guest, with its root's ids; paths are the machine's. */
  static in(init: number): NetPeer {
    return new NetPeer("nsenter", ["--target", String(init), "--net", "--user", "--setuid", "0", "--setgid", "0", "--", process.execPath, script]);
  }

  #do(command: string, fields: Fields): Promise<Fields> {
    const call = count++;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.reject(new Error("the peer has ended"));
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ do: command, call, ...fields })}\n`);
    });
  }

  /** Opens a server; an echo when nothing else is said. */
  async serve(address: string, fields: Fields = {}): Promise<() => Promise<void>> {
    const id = `server ${count++}`;
    await this.#do("serve", { id, ...place(address), ...fields });
    return async () => void (await this.#do("close", { id }));
  }

  /** What a server answers. */
  async ask(address: string, text: string, fields: Fields = {}): Promise<string> {
    return (await this.#do("ask", { ...place(address), text, ...fields }))["text"];
  }

  /** What a server answers, and what the client's own address was. */
  askFrom(address: string, text: string, fields: Fields = {}): Promise<Fields> {
    return this.#do("ask", { ...place(address), text, ...fields });
  }

  /** A connection that stays open. */
  async open(address: string): Promise<{ say(text: string): Promise<string>; closed(): Promise<void>; close(): Promise<void> }> {
    const id = `connection ${count++}`;
    await this.#do("open", { id, ...place(address) });
    return {
      say: async (text) => (await this.#do("say", { id, text }))["text"],
      closed: async () => void (await this.#do("awaitClose", { id })),
      close: async () => void (await this.#do("close", { id })),
    };
  }

  many(address: string, total: number, together: number): Promise<Fields> {
    return this.#do("many", { ...place(address), count: total, together });
  }

  send(address: string, mib: number): Promise<Fields> {
    return this.#do("send", { ...place(address), mib });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await gone;
  }
}
