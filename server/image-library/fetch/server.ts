// Servers that images come from: what they have by a name, and how it is fetched.
import type { IncomingMessage } from "node:http";
import { fail } from "../../api/errors.ts";
import type { Config } from "../../api/schemas.ts";
import type { Proxies } from "../../remotes/proxy.ts";
import type { Upload } from "../upload.ts";

export interface FetchContext {
  proxies: Proxies;
  signal: AbortSignal;
  /** Where lists of images are kept. */
  cache: string;
  idleTimeout?: number;
  /** Liked best of those that this machine runs; its own when it is empty, or none of them. */
  architecture?: string;
  /** Lists are read from their server, however fresh those that are kept: somebody asks what it has now. */
  anew?: boolean;
}

/** An image that a server has. */
export interface FoundImage {
  fingerprint: string;
  /** Bytes; undefined when it is not told. */
  size: number | undefined;
  filename: string;
  properties?: Config;
  /** ms since the epoch. */
  createdAt?: number;
  expiresAt?: number;
  /** Fetches its files below `root`. */
  fetch(root: string, signal: AbortSignal, heard: (bytes: number) => void): Promise<Upload>;
}

/** The text of an answer. Throws `download_failed` when it is larger than `limit` bytes, or is cut off. */
export async function readText(response: IncomingMessage, url: string, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw fail("download_failed", { url, reason: `the connection was cut off (${(error as Error).message})` }, error);
  } finally {
    response.destroy();
  }
  if (size > limit) throw fail("download_failed", { url, reason: `it is larger than ${limit} bytes` });
  return Buffer.concat(chunks).toString("utf8");
}
