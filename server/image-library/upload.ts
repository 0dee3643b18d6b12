// Receiving an image's bytes, from a client or from another server: one file as they come, or the parts of a multipart form; hashed on the way.
import { createHash, type Hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyHeaders } from "@fastify/busboy";
import { fail } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";

export interface Upload {
  /** A folder of its own, to be removed after use. */
  folder: string;
  meta: string;
  rootfs: string | undefined;
  /** The file name of a form's root file system, which goes before what a header says, as in LXD; may be empty. */
  filename: string;
  fingerprint: string;
  /** Bytes. */
  size: number;
}

interface Tally {
  hash: Hash;
  size: number;
  heard: (bytes: number) => void;
}

/** Lends a folder below `root` for what is to become an image, which is removed when that fails. Throws `disk_full` for a full disk. */
export async function withFolder<T>(root: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = `${root}/.upload-${randomBytes(8).toString("hex")}`;
  await mkdir(folder, { mode: 0o700 });
  try {
    return await work(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (hasCode(error, "ENOSPC", "EDQUOT")) throw fail("disk_full", { path: root }, error);
    throw error;
  }
}

/** Whether a request's body is JSON, by its headers or by how it begins: no image begins so. Takes nothing of it away. */
export async function isJson(headers: IncomingHttpHeaders, body: Readable): Promise<boolean> {
  const type = headers["content-type"] ?? "";
  if (/json/i.test(type)) return true;
  if (/^multipart\//i.test(type)) return false;
  for (;;) {
    const chunk = body.read() as Buffer | null;
    if (chunk !== null) {
      body.unshift(chunk);
      return /^\s*\{/.test(chunk.toString("latin1", 0, 64));
    }
    if (body.readableEnded || body.destroyed) return false;
    const ends = new AbortController();
    await Promise.race(["readable", "end", "close"].map((event) => once(body, event, { signal: ends.signal }))).finally(() => ends.abort());
  }
}

/** Receives an upload below `root`; `heard` is told of each piece. Throws `image_broken`, `disk_full`; leaves nothing behind then. */
export function receiveUpload(root: string, headers: IncomingHttpHeaders, body: Readable, heard: (bytes: number) => void = () => {}): Promise<Upload> {
  const tally: Tally = { hash: createHash("sha256"), size: 0, heard };
  return withFolder(root, async (folder) => {
    const multipart = /^multipart\/form-data/i.test(headers["content-type"] ?? "");
    const files = multipart ? await receiveForm(folder, headers, body, tally) : await receiveFile(folder, body, tally);
    if (tally.size === 0) throw fail("image_broken", { reason: "the upload is empty" });
    return { folder, ...files, fingerprint: tally.hash.digest("hex"), size: tally.size };
  });
}

async function save(file: string, from: Readable, tally: Tally, signal?: AbortSignal): Promise<void> {
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      tally.hash.update(chunk);
      tally.size += chunk.length;
      tally.heard(chunk.length);
      done(null, chunk);
    },
  });
  await pipeline(from, counter, createWriteStream(file, { mode: 0o600, highWaterMark: 1024 * 1024 }), signal ? { signal } : {});
}

async function receiveFile(folder: string, body: Readable, tally: Tally): Promise<Pick<Upload, "meta" | "rootfs" | "filename">> {
  const meta = `${folder}/meta`;
  await save(meta, body, tally);
  return { meta, rootfs: undefined, filename: "" };
}

/** The parts come in order, `metadata` before `rootfs`: the fingerprint is taken over both in turn. */
function receiveForm(
  folder: string, headers: IncomingHttpHeaders, body: Readable, tally: Tally,
): Promise<Pick<Upload, "meta" | "rootfs" | "filename">> {
  return new Promise((resolve, reject) => {
    const result = { meta: "", rootfs: undefined as string | undefined, filename: "" };
    let parts = Promise.resolve();
    const stop = new AbortController();
    /** What has not been written to its end lets go of its file before it is told. */
    const giveUp = (error: unknown) => {
      body.unpipe(form);
      body.resume();
      stop.abort();
      parts.catch(() => {}).finally(() => reject(error));
    };
    const form = formReader(headers);
    form.on("file", (field, stream, filename) => {
      stream.on("error", giveUp);
      if (field === "metadata" && !result.meta) result.meta = `${folder}/meta`;
      else if (field === "rootfs" && result.meta && !result.rootfs) [result.rootfs, result.filename] = [`${folder}/rootfs`, filename ?? ""];
      else return giveUp(fail("image_broken", { reason: `expected the parts "metadata" and "rootfs", in that order, not "${field.slice(0, 40)}"` }));
      const file = field === "metadata" ? result.meta : `${folder}/rootfs`;
      parts = parts.then(() => save(file, stream as unknown as Readable, tally, stop.signal));
      parts.catch(giveUp);
    });
    form.on("error", (cause) => giveUp(fail("image_broken", { reason: "the multipart form is damaged" }, cause)));
    form.on("finish", () => {
      parts.then(() => {
        if (result.meta) resolve(result);
        else reject(fail("image_broken", { reason: 'the multipart form has no part "metadata"' }));
      }, reject);
    });
    body.once("error", giveUp);
    body.once("close", () => {
      if (!body.readableEnded) giveUp(fail("image_broken", { reason: "the upload ended early" }));
    });
    body.pipe(form);
  });
}

/** Throws `image_broken` when the headers do not tell where its parts end. */
function formReader(headers: IncomingHttpHeaders) {
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits: { fileSize: Number.POSITIVE_INFINITY, files: 4 } });
  } catch (cause) {
    throw fail("image_broken", { reason: "the multipart form has no boundary" }, cause);
  }
}
