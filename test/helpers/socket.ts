// Raw calls over a daemon's unix socket, with nothing of Berth's own client in between.
import { Agent, type IncomingMessage, request } from "node:http";

export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
  /** The body as JSON; undefined when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  json: any;
}

export interface CallOptions {
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds; two minutes when absent. */
  timeout?: number;
  agent?: Agent;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** All of an answer. */
export async function readReply(res: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of res as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: res.statusCode ?? 0, headers: res.headers, text, json: parse(text) };
}

/** One request. A body that is no string or Buffer travels as JSON. */
export function call(socketPath: string, method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Reply> {
  const raw = typeof body === "string" || Buffer.isBuffer(body);
  const headers = { ...(body !== undefined && !raw ? { "content-type": "application/json" } : {}), ...options.headers };
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path, headers, agent: options.agent }, (res) => readReply(res).then(resolve, reject));
    const limit = options.timeout ?? 120_000;
    req.setTimeout(limit, () => req.destroy(new Error(`${method} ${path}: no answer within ${limit} ms`)));
    req.on("error", reject);
    req.end(body === undefined ? undefined : raw ? body : JSON.stringify(body));
  });
}

/** A call that must succeed, with the operation that it may start. Resolves with the metadata of what was asked for. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export async function must(socketPath: string, method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<any> {
  const reply = await call(socketPath, method, path, body, options);
  const envelope = reply.json as { type?: string; error?: string; operation?: string; metadata?: unknown } | undefined;
  if (!envelope || envelope.type === "error") throw new Error(`${method} ${path}: ${reply.status} ${envelope?.error ?? reply.text.slice(0, 300)}`);
  if (envelope.type !== "async") return envelope.metadata;
  const waited = await call(socketPath, "GET", `${envelope.operation}/wait?timeout=120`, undefined, options);
  const { error, metadata } = waited.json as { error?: string; metadata?: { status_code: number; err: string } };
  if (metadata?.status_code !== 200) throw new Error(`${method} ${path}: ${metadata?.err || error || "the operation did not succeed"}`);
  return metadata;
}

export { Agent };
