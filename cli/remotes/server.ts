// One server as commands use it: requests in a project of it, background operations, websockets.
import { type Client, createClient, errorFrom, type Transport, type TransportRequest } from "../../server/api/client.ts";
import type { Envelope } from "../../server/api/envelope.ts";
import type { Operation } from "../../server/api/operations.ts";
import { CliError } from "../errors.ts";
import { followOperation } from "../operation.ts";
import { writeNow } from "../output/write.ts";
import type { Dialer } from "../transport/dialer.ts";
import { SocketTransport } from "../transport/socket.ts";
import { UnixDialer } from "../transport/unix.ts";
import type { WebSocketClient } from "../transport/websocket.ts";
import { type ClientConfig, certificateFile, type Remote } from "./config.ts";

export interface ServerOptions {
  project: string;
  debug: boolean;
  quiet: boolean;
  /** The socket of the remote whose address is `unix://`. */
  socketPath: string;
}

/** Adds `?project=` to a path unless it names one or takes none. */
export function withProject(path: string, project: string): string {
  if (project === "" || project === "default" || /[?&](project|all-projects)=/.test(path)) return path;
  return `${path}${path.includes("?") ? "&" : "?"}project=${encodeURIComponent(project)}`;
}

export class Server {
  /** What the user calls it. */
  readonly remote: string;
  readonly settings: Remote;
  /** The project that is meant unless a request names another; empty: the server's default. */
  readonly project: string;
  /** For what the client has no method for: raw queries. The project is added here, too. */
  readonly transport: Transport;
  readonly #dialer: () => Promise<Dialer>;
  readonly #quiet: boolean;
  #client: Client | undefined;
  #etag: string | undefined;

  constructor(remote: string, settings: Remote, options: ServerOptions, dialer: () => Promise<Dialer>) {
    this.remote = remote;
    this.settings = settings;
    this.project = options.project;
    this.#quiet = options.quiet;
    this.#dialer = dialer;
    this.transport = { request: (request) => this.#request(request, options.debug) };
  }

  get client(): Client {
    this.#client ??= createClient(this.transport);
    return this.#client;
  }

  /** Images and nothing else: `simplestreams`, or a public server of LXD's kind. */
  get isPublic(): boolean {
    return this.settings.public || this.isSimplestreams;
  }

  get isSimplestreams(): boolean {
    return this.settings.protocol === "simplestreams";
  }

  /** On this machine, over a socket. */
  get isLocal(): boolean {
    return this.settings.addr.startsWith("unix:");
  }

  /** Whether progress is not to be shown. */
  get isQuiet(): boolean {
    return this.#quiet;
  }

  /** Asks for something that the client has no method for; resolves to the envelope's metadata. */
  async ask<T>(method: string, path: string, { body, headers = {} }: { body?: unknown; headers?: Readonly<Record<string, string>> } = {}): Promise<T> {
    const response = await this.transport.request({
      method, path, headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope = JSON.parse(await response.text()) as Envelope<T>;
    if (envelope.type === "error") throw errorFrom(envelope, response.headers);
    return envelope.metadata;
  }

  /** Throws unless the server has an extension of the API: older ones answer with less than that. */
  async require(extension: string): Promise<void> {
    if ((await this.client.getServer()).api_extensions.includes(extension)) return;
    throw new CliError(`The server is missing the required "${extension}" API extension`, { hint: "it is older or other than what this command is for: berth version" });
  }

  /** Waits until an operation has ended; throws when it failed. */
  follow(operation: Operation, prefix?: string): Promise<Operation> {
    return followOperation(this.client, operation, { quiet: this.#quiet, prefix });
  }

  /** Reads something together with the headers that keep a PUT from undoing another's change. */
  async readForChange<T>(read: () => Promise<T>): Promise<{ value: T; headers: Record<string, string> }> {
    const value = await read();
    const headers: Record<string, string> = {};
    if (this.#etag !== undefined) headers["if-match"] = this.#etag.replace(/^W\//, "");
    return { value, headers };
  }

  /** `setUp` gets the websocket before anything can arrive. */
  async openWebsocket(path: string, setUp?: (socket: WebSocketClient) => void): Promise<WebSocketClient> {
    this.#assertServes(path);
    const { openWebsocket } = await import("../transport/websocket.ts");
    return openWebsocket(await this.#dialer(), path, setUp);
  }

  /** For protocols of their own: SFTP. */
  connect(): Promise<Dialer> {
    return this.#dialer();
  }

  async #request(request: TransportRequest, debug: boolean) {
    const path = withProject(request.path, this.project);
    this.#assertServes(path);
    if (debug) writeNow(2, `${request.method} ${path}${typeof request.body === "string" ? ` ${request.body}` : ""}\n`);
    const response = await new SocketTransport(await this.#dialer()).request({ ...request, path });
    if (debug) writeNow(2, `${request.method} ${path}: ${response.status}\n`);
    this.#etag = response.headers["etag"];
    return response;
  }

  #assertServes(path: string): void {
    if (!this.isPublic || (!this.isSimplestreams && /^\/1\.0(\/images[/?]|\/images$|$|\?)/.test(path))) return;
    throw new CliError("The remote isn't a private LXD server", { hint: `"${this.remote}" has images and nothing else; name another remote, as in local:NAME. berth remote list shows all.` });
  }
}

/** The server of a remote of the configuration. Nothing is connected yet. */
export function serverOf(config: ClientConfig, remote: string, options: ServerOptions): Server {
  const settings = config.remotes[remote];
  if (!settings) throw new CliError(`The remote "${remote}" doesn't exist`, { hint: `berth remote list shows those there are; berth remote add ${remote} URL adds one.` });
  if (settings.addr.startsWith("unix:")) {
    const dialer = new UnixDialer(settings.addr.replace(/^unix:(\/\/)?/, "") || options.socketPath);
    return new Server(remote, settings, options, async () => dialer);
  }
  let dialer: Promise<Dialer> | undefined;
  return new Server(remote, settings, options, () => (dialer ??= dialerOf(config, remote, settings)));
}

async function dialerOf(config: ClientConfig, remote: string, settings: Remote): Promise<Dialer> {
  const [{ TlsDialer }, { ensureIdentity, pinOf, readAuthority }] = await Promise.all([import("../transport/tls.ts"), import("./certificate.ts")]);
  const token = settings.auth_type === "bearer" ? (await import("./token.ts")).readToken(config, remote) : undefined;
  return new TlsDialer({
    remote, address: settings.addr, pinned: pinOf(certificateFile(config, remote)),
    identity: settings.public || token !== undefined ? undefined : ensureIdentity(config.folder), token,
    authority: readAuthority(config.folder),
  });
}
