// Images of other servers of this API, Berth's or LXD's: public ones, or a private one with its secret.
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Envelope } from "../../api/envelope.ts";
import { fail } from "../../api/errors.ts";
import type { Image } from "../../api/images.ts";
import { defaultIdleTimeout, fetchUrl } from "../../remotes/fetch.ts";
import { receiveUpload, type Upload } from "../upload.ts";
import { asInterrupted, assertStatus, Attempts, Interrupted, piecesOf } from "./interrupted.ts";
import { type FetchContext, type FoundImage, readText } from "./server.ts";

export interface LxdServer {
  /** `https://host:port`. */
  url: string;
  certificate: string;
  secret: string;
  project: string;
}

const replyLimit = 4 * 2 ** 20;

function urlOf({ url, secret, project }: LxdServer, path: string, withSecret = false): string {
  const query = new URLSearchParams({ ...(project ? { project } : {}), ...(withSecret && secret ? { secret } : {}) });
  return `${url.replace(/\/+$/, "")}/1.0/images/${path}${query.size > 0 ? `?${query}` : ""}`;
}

function open(server: LxdServer, url: string, { proxies, signal, idleTimeout }: FetchContext, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return fetchUrl(url, { proxies, signal, headers, certificate: server.certificate || undefined, ...(idleTimeout ? { idleTimeout } : {}) });
}

/** The metadata of a reply; undefined for 404. Throws `remote_refused`. */
async function ask<T>(server: LxdServer, path: string, withSecret: boolean, context: FetchContext): Promise<T | undefined> {
  const response = await open(server, urlOf(server, path, withSecret), context);
  const text = await readText(response, server.url, replyLimit);
  let envelope: Envelope;
  try {
    envelope = JSON.parse(text) as Envelope;
  } catch (cause) {
    throw fail("remote_refused", { url: server.url, reason: `status ${response.statusCode}, and no JSON` }, cause);
  }
  if (envelope.error_code === 404) return undefined;
  if (envelope.type === "error" || typeof envelope.metadata !== "object") throw fail("remote_refused", { url: server.url, reason: String(envelope.error).slice(0, 500) });
  return envelope.metadata as T;
}

const parseTime = (text: unknown) => Math.max(0, Date.parse(String(text)) || 0);

export async function findOnLxd(server: LxdServer, name: string, context: FetchContext): Promise<FoundImage> {
  const alias = server.secret ? undefined : await ask<{ target?: string }>(server, `aliases/${encodeURIComponent(name)}`, false, context);
  const image = await ask<Partial<Image>>(server, encodeURIComponent(alias?.target ?? name), true, context);
  const { fingerprint = "", size, filename, properties = {} } = image ?? {};
  if (!image) throw fail("image_remote_missing", { server: server.url, name: name.slice(0, 200) });
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw fail("remote_refused", { url: server.url, reason: "an image without a fingerprint" });
  if (image.type && image.type !== "container") throw fail("image_source_unsupported", { type: image.type });
  return {
    fingerprint, size: Number(size) || undefined, filename: String(filename ?? "").slice(0, 255),
    properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, String(value)])),
    createdAt: parseTime(image.created_at), expiresAt: parseTime(image.expires_at),
    fetch: (root, signal, heard) => new Export(server, fingerprint, { ...context, signal }).receive(root, heard),
  };
}

/** The server cannot go on in the middle. */
class Anew extends Interrupted {}

/** An export, which goes on where it was cut off when the server can (Berth, and LXD's single files), and begins anew when it cannot. */
class Export {
  readonly #server: LxdServer;
  readonly #url: string;
  /** Without the secret, for errors. */
  readonly #shown: string;
  readonly #context: FetchContext;
  readonly #attempts: Attempts;

  constructor(server: LxdServer, fingerprint: string, context: FetchContext) {
    [this.#server, this.#context] = [server, context];
    [this.#url, this.#shown] = [urlOf(server, `${fingerprint}/export`, true), urlOf(server, `${fingerprint}/export`)];
    this.#attempts = new Attempts(this.#shown, context.signal);
  }

  async receive(root: string, heard: (bytes: number) => void): Promise<Upload> {
    for (;;) {
      let got = 0;
      const tell = (bytes: number) => {
        got += bytes;
        heard(bytes);
      };
      try {
        const response = await this.#ask(0);
        const body = Readable.from(this.#bytesOf(response), { objectMode: false });
        return { ...(await receiveUpload(root, response.headers, body, tell)), filename: "" };
      } catch (error) {
        heard(-got);
        if (!(error instanceof Anew)) await this.#attempts.again(error, got);
      }
    }
  }

  async #ask(from: number): Promise<IncomingMessage> {
    const response = await open(this.#server, this.#url, this.#context, from > 0 ? { range: `bytes=${from}-` } : {}).catch((error) => { throw asInterrupted(error); });
    assertStatus(response, this.#shown, from > 0 ? [200, 206] : [200]);
    return response;
  }

  async *#bytesOf(first: IncomingMessage): AsyncGenerator<Buffer> {
    let response: IncomingMessage | undefined = first;
    for (let got = 0; ; response = undefined) {
      try {
        response ??= await this.#goOn(first, got);
        for await (const chunk of piecesOf(response, this.#context.idleTimeout ?? defaultIdleTimeout)) {
          got += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (error instanceof Anew) throw error;
        await this.#attempts.again(error, got);
      }
    }
  }

  /** The rest of an answer, when it is the same that comes. */
  async #goOn({ headers: { "content-length": length, "content-type": type } }: IncomingMessage, got: number): Promise<IncomingMessage> {
    const response = await this.#ask(got);
    const { "content-range": range, "content-type": nextType } = response.headers;
    if (range !== undefined && range === `bytes ${got}-${Number(length) - 1}/${length}` && nextType === type) return response;
    response.destroy();
    throw new Anew("the server cannot go on in the middle");
  }
}
