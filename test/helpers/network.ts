// A daemon's API over the network: from inside its namespace (stock clients), or from here through a relay.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { request } from "node:http";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { makeCertificate } from "../../server/https/make-certificate.ts";
import type { Daemon } from "./daemon.ts";
import { type ExecOptions, exec, type Result } from "./exec.ts";
import { type CallOptions, readReply, type Reply } from "./socket.ts";

const script = fileURLToPath(new URL("relay.mjs", import.meta.url));

/** What a client shows of itself. */
export interface Identity {
  cert: string;
  key: string;
  /** The certificate as POST /1.0/certificates takes it. */
  base64: string;
}

/** Makes a client's certificate. `from`: when it begins to be good; ten years from then it ends. */
export function makeIdentity(commonName: string, from?: Date): Identity {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const cert = makeCertificate(privateKey, { commonName, names: [commonName], purpose: "server" }, from);
  return { cert, key: privateKey.export({ type: "sec1", format: "pem" }) as string, base64: cert.replace(/-----.*-----|\n/g, "") };
}

export class Network {
  readonly #daemon: Daemon;
  readonly #relay: ChildProcess;
  readonly #path: string;
  readonly port: number;

  private constructor(daemon: Daemon, relay: ChildProcess, path: string, port: number) {
    this.#daemon = daemon;
    this.#relay = relay;
    this.#path = path;
    this.port = port;
  }

  /** Has the daemon listen on a port, and makes a way there. */
  static async open(daemon: Daemon, port = 8443): Promise<Network> {
    await daemon.must("PATCH", "/1.0", { config: { "core.https_address": `:${port}` } });
    return Network.to(daemon, port);
  }

  /** A way to a port that something listens on already. */
  static async to(daemon: Daemon, port: number): Promise<Network> {
    const path = `${daemon.dir}/relay-${port}`;
    const relay = spawn(...daemon.namespace.wrap(process.execPath, [script, path, String(port)]), { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      relay.once("error", reject);
      relay.stdout?.once("data", () => resolve());
    });
    return new Network(daemon, relay, path, port);
  }

  /** A connection to the port, with nothing said yet. */
  plain(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connectSocket(this.#path, () => resolve(socket));
      socket.once("error", reject);
    });
  }

  /** Resolves once the handshake is over. */
  async tls(identity?: Identity, options: ConnectionOptions = {}, socket?: Socket): Promise<TLSSocket> {
    const below = socket ?? (await this.plain());
    return new Promise((resolve, reject) => {
      const shown = identity ? { cert: identity.cert, key: identity.key } : {};
      const tls = connectTls({ socket: below, rejectUnauthorized: false, ...shown, ...options }, () => resolve(tls));
      tls.once("error", reject);
    });
  }

  /** One request on a connection of its own, or on a given one that stays open. */
  async call(identity: Identity | undefined, method: string, path: string, body?: unknown, options: CallOptions & { socket?: TLSSocket } = {}): Promise<Reply> {
    const socket = options.socket ?? (await this.tls(identity));
    const raw = typeof body === "string" || Buffer.isBuffer(body);
    const headers = { host: "berth", connection: options.socket ? "keep-alive" : "close", ...(body !== undefined && !raw ? { "content-type": "application/json" } : {}), ...options.headers };
    return new Promise((resolve, reject) => {
      const req = request({ createConnection: () => socket, method, path, headers }, (res) => readReply(res).then(resolve, reject));
      req.on("upgrade", ({ statusCode = 0, headers: answered }, upgraded) => {
        upgraded.destroy();
        resolve({ status: statusCode, headers: answered, text: "", json: undefined });
      });
      const limit = options.timeout ?? 60_000;
      req.setTimeout(limit, () => req.destroy(new Error(`${method} ${path}: no answer within ${limit} ms`)));
      req.on("error", reject);
      req.end(body === undefined ? undefined : raw ? body : JSON.stringify(body));
    });
  }

  /** Trusts a new client, as the administrator. */
  async trust(name: string, more: Record<string, unknown> = {}): Promise<Identity> {
    const identity = makeIdentity(name);
    await this.#daemon.must("POST", "/1.0/certificates", { name, type: "client", certificate: identity.base64, ...more });
    return identity;
  }

  /** Runs the stock client inside, with a configuration of its own: a remote machine's. */
  lxc(conf: string, args: readonly string[], options: ExecOptions = {}): Promise<Result> {
    const [command, wrapped] = this.#daemon.namespace.wrap("lxc", args);
    return exec(command, wrapped, { ...options, env: { LXD_CONF: conf, LXD_DIR: "/nonexistent", LXD_SOCKET: "", ...options.env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#relay.once("exit", resolve));
    this.#relay.kill("SIGKILL");
    await gone;
  }
}
