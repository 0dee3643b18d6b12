// Images of other servers of this API, Berth's or LXD's: public ones, or a private one with its secret.
import type { IncomingMessage } from "node:http";
import type { Envelope } from "../../api/envelope.ts";
import { BerthError, fail } from "../../api/errors.ts";
import type { Image } from "../../api/images.ts";
import { hasCode } from "../../host/libc.ts";
import { fetchUrl } from "../../remotes/fetch.ts";
import { receiveUpload, type Upload } from "../upload.ts";
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

function open(server: LxdServer, url: string, { proxies, signal, idleTimeout }: FetchContext): Promise<IncomingMessage> {
  return fetchUrl(url, { proxies, signal, certificate: server.certificate || undefined, ...(idleTimeout ? { idleTimeout } : {}) });
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
    fetch: (root, signal, heard) => fetchExport(server, fingerprint, root, { ...context, signal }, heard),
  };
}

async function fetchExport(server: LxdServer, fingerprint: string, root: string, context: FetchContext, heard: (bytes: number) => void): Promise<Upload> {
  const url = urlOf(server, `${fingerprint}/export`, true);
  const response = await open(server, url, context);
  if (response.statusCode !== 200) {
    response.destroy();
    throw fail("download_failed", { url: urlOf(server, `${fingerprint}/export`), reason: `the server answered ${response.statusCode}` });
  }
  try {
    const upload = await receiveUpload(root, response.headers, response, heard);
    return { ...upload, filename: "" };
  } catch (error) {
    context.signal.throwIfAborted();
    if (response.complete || hasCode(error, "ENOSPC", "EDQUOT") || (error instanceof BerthError && error.code === "disk_full")) throw error;
    throw fail("download_failed", { url: urlOf(server, `${fingerprint}/export`), reason: `the connection was cut off (${(error as Error).message})` }, error);
  } finally {
    response.destroy();
  }
}
