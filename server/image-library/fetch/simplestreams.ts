// Images of simplestreams servers. Their lists are kept on the disk for an hour, and for longer while the server cannot be reached.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { type BerthError, fail, isCode } from "../../api/errors.ts";
import { fingerprintFiles } from "../../../images/fingerprint.ts";
import { normalizeArchitecture, runnableArchitectures } from "../../../images/metadata.ts";
import { parseIndex, parseProducts, type StreamFile, type StreamImage } from "../../../images/simplestreams/documents.ts";
import { findStreamImage } from "../../../images/simplestreams/find.ts";
import { fetchUrl } from "../../remotes/fetch.ts";
import { log } from "../../log.ts";
import { type Upload, withFolder } from "../upload.ts";
import { downloadFile } from "./file.ts";
import { type FetchContext, type FoundImage, readText } from "./server.ts";

const keptFor = 3_600_000;
const documentLimit = 64 * 2 ** 20;
const mostLists = 20;

/** What this machine runs, what is liked best first. */
function architectures(liked = ""): readonly string[] {
  const all = runnableArchitectures();
  const first = normalizeArchitecture(liked);
  return all.includes(first) ? [first, ...all.filter((one) => one !== first)] : all;
}

const join = (server: string, path: string) => `${server.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;

interface Kept {
  text: string;
  isFresh: boolean;
}

function readKept(file: string): Kept | undefined {
  try {
    const age = Date.now() - statSync(file).mtimeMs;
    return { text: readFileSync(file, "utf8"), isFresh: age >= 0 && age < keptFor };
  } catch {
    return undefined;
  }
}

/** A full disk keeps nobody from an image that is not kept there. */
function keep(file: string, text: string): void {
  try {
    mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    rmSync(`${file}.new`, { force: true });
    log.warn("a list of images could not be kept", { file, error: (error as Error).message });
  }
}

/** A document, as kept or as the server has it now, after `parse`: what cannot be parsed is not kept. */
async function readDocument<T>(url: string, context: FetchContext, parse: (text: string, url: string) => T): Promise<T> {
  const file = `${context.cache}/${createHash("sha256").update(url).digest("hex")}.json`;
  const kept = readKept(file);
  if (kept?.isFresh && !context.anew) return parse(kept.text, url);
  try {
    const text = await download(url, context);
    const parsed = parse(text, url);
    keep(file, text);
    return parsed;
  } catch (error) {
    if (!kept || !isPassing(error)) throw error;
    log.warn("a list of images is out of date", { url, error: (error as BerthError).message });
    return parse(kept.text, url);
  }
}

const isPassing = (error: unknown) => isCode(error, "download_failed") || isCode(error, "remote_unreachable");

async function download(url: string, { proxies, signal, idleTimeout }: FetchContext): Promise<string> {
  const response = await fetchUrl(url, { proxies, signal, ...(idleTimeout ? { idleTimeout } : {}) });
  if (response.statusCode === 200) return readText(response, url, documentLimit);
  response.destroy();
  throw fail("download_failed", { url, reason: `the server answered ${response.statusCode}` });
}

/** All images for containers that a server lists. */
export async function listStreamImages(server: string, context: FetchContext): Promise<StreamImage[]> {
  const paths = await readDocument(join(server, "streams/v1/index.json"), context, parseIndex);
  const lists: StreamImage[][] = [];
  for (const path of paths.slice(0, mostLists)) lists.push(await readDocument(join(server, path), context, parseProducts));
  return lists.flat();
}

export async function findOnSimplestreams(server: string, name: string, context: FetchContext): Promise<FoundImage> {
  const image = findStreamImage(await listStreamImages(server, context), name, server, architectures(context.architecture));
  if (!image) throw fail("image_remote_missing", { server, name: name.slice(0, 200) });
  const { fingerprint, filename, properties, createdAt, expiresAt, meta, root } = image;
  return {
    fingerprint, filename, properties, createdAt, expiresAt, size: image.size || undefined,
    fetch: (folder, signal, heard) => fetchParts(server, folder, root ? [meta, root] : [meta], { ...context, signal }, heard),
  };
}

/** The files one after the other; the fingerprint is that of both. */
function fetchParts(server: string, root: string, parts: readonly StreamFile[], context: FetchContext, heard: (bytes: number) => void): Promise<Upload> {
  return withFolder(root, async (folder) => {
    const files = parts.map((_, i) => `${folder}/${["meta", "rootfs"][i]}`);
    for (const [i, { path, sha256, size }] of parts.entries()) {
      const { proxies, signal, idleTimeout } = context;
      await downloadFile(files[i] ?? "", { url: join(server, path), sha256, size }, { proxies, signal, heard, ...(idleTimeout ? { idleTimeout } : {}) });
    }
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return {
      folder, meta: files[0] ?? "", rootfs: files[1], filename: "", fingerprint: await fingerprintFiles(files), size: sizes.reduce((sum, size) => sum + size, 0),
    };
  });
}
