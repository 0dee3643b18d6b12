// An exec as it goes over the wire, step by step, with nothing of a client in between.
import { WebSocket } from "ws";
import type { Daemon } from "./daemon.ts";
import { eventually } from "./wait.ts";

/** One websocket of a session. */
export class Stream {
  readonly ws: WebSocket;
  /** What came; resolves at an empty text frame, or when the websocket closes. */
  readonly output: Promise<Buffer>;
  /** Resolves when the websocket has closed. */
  readonly closed: Promise<void>;
  /** Bytes so far. */
  received = 0;

  constructor(ws: WebSocket, keep: boolean) {
    this.ws = ws;
    const chunks: Buffer[] = [];
    this.closed = new Promise((resolve) => ws.once("close", () => resolve()));
    this.output = new Promise((resolve) => {
      ws.on("message", (data: Buffer, isBinary: boolean) => {
        if (!isBinary) return resolve(Buffer.concat(chunks));
        this.received += data.length;
        if (keep) chunks.push(data);
      });
      ws.once("close", () => resolve(Buffer.concat(chunks)));
    });
    ws.on("error", () => {}); // told by "close"
  }

  async text(): Promise<string> {
    return (await this.output).toString("utf8");
  }
}

export class ExecSession {
  readonly url: string;
  /** Name of the stream → its secret. */
  readonly fds: Readonly<Record<string, string>>;
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon, url: string, fds: Record<string, string>) {
    this.#daemon = daemon;
    this.url = url;
    this.fds = fds;
  }

  /** Asks for a program. Nothing is connected yet. */
  static async post(daemon: Daemon, instance: string, body: Record<string, unknown>): Promise<ExecSession> {
    const reply = await daemon.request("POST", `/1.0/instances/${instance}/exec`, { "wait-for-websocket": true, ...body });
    if (reply.status !== 202) throw new Error(`exec: ${reply.status} ${reply.text}`);
    return new ExecSession(daemon, reply.json.operation, reply.json.metadata.metadata?.fds ?? {});
  }

  /** Asks for a program and connects its streams; the interactive ones with "control", as they must. */
  static async start(daemon: Daemon, instance: string, body: Record<string, unknown>): Promise<[ExecSession, Record<string, Stream>]> {
    const session = await ExecSession.post(daemon, instance, body);
    const names = body["interactive"] ? ["control", "0"] : ["0", "1", "2"];
    const streams: Record<string, Stream> = {};
    for (const name of names) streams[name] = await session.dial(name);
    return [session, streams];
  }

  /** Connects a websocket. Rejects with "status N" when it is refused. `keep: false` counts bytes only. */
  dial(name: string, { secret = this.fds[name] ?? "", keep = true, paused = false } = {}): Promise<Stream> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws+unix://${this.#daemon.socket}:${this.url}/websocket?secret=${secret}`);
      const stream = new Stream(ws, keep);
      ws.once("unexpected-response", (_, res) => {
        res.resume();
        reject(new Error(`status ${res.statusCode}`));
      });
      ws.once("error", reject);
      ws.once("open", () => {
        if (paused) ws.pause();
        resolve(stream);
      });
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  async operation(): Promise<any> {
    return (await this.#daemon.request("GET", this.url)).json.metadata;
  }

  /** The operation once it has ended, found by asking again and again. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  ended(timeout = 15_000): Promise<any> {
    return eventually(async () => {
      const operation = await this.operation();
      return operation.status_code >= 200 && operation;
    }, { timeout, what: `${this.url} has ended` });
  }
}

/** Sends a command on a session's control websocket. */
export function control(stream: Stream, message: Record<string, unknown>, binary = false): void {
  stream.ws.send(Buffer.from(JSON.stringify(message)), { binary });
}
