// Receiving an image's bytes: one file as they come, or the parts of a multipart form; hashed on the way.
import { createHash, type Hash, randomBytes } from "node:crypto";
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
  /** File name the sender gave; may be empty. */
  filename: string;
  fingerprint: string;
  /** Bytes. */
  size: number;
}

interface Tally {
  hash: Hash;
  size: number;
}

/** Receives an upload below `root`. Throws `image_broken`, `disk_full`; leaves nothing behind then. */
export async function receiveUpload(root: string, headers: IncomingHttpHeaders, body: Readable): Promise<Upload> {
  const folder = `${root}/.upload-${randomBytes(8).toString("hex")}`;
  await mkdir(folder, { mode: 0o700 });
  const tally: Tally = { hash: createHash("sha256"), size: 0 };
  try {
    const multipart = /^multipart\/form-data/i.test(headers["content-type"] ?? "");
    const files = multipart ? await receiveForm(folder, headers, body, tally) : await receiveFile(folder, body, tally);
    if (tally.size === 0) throw fail("image_broken", { reason: "the upload is empty" });
    return { folder, ...files, fingerprint: tally.hash.digest("hex"), size: tally.size };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (hasCode(error, "ENOSPC", "EDQUOT")) throw fail("disk_full", { path: root }, error);
    throw error;
  }
}

async function save(file: string, from: Readable, tally: Tally): Promise<void> {
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      tally.hash.update(chunk);
      tally.size += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(from, counter, createWriteStream(file, { mode: 0o600, highWaterMark: 1024 * 1024 }));
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
    const giveUp = (error: unknown) => {
      body.unpipe(form);
      body.resume();
      reject(error);
    };
    const form = formReader(headers);
    form.on("file", (field, stream, filename) => {
      stream.on("error", giveUp);
      if (field === "metadata" && !result.meta) [result.meta, result.filename] = [`${folder}/meta`, filename ?? ""];
      else if (field === "rootfs" && result.meta && !result.rootfs) result.rootfs = `${folder}/rootfs`;
      else return giveUp(fail("image_broken", { reason: `expected the parts "metadata" and "rootfs", in that order, not "${field.slice(0, 40)}"` }));
      const file = field === "metadata" ? result.meta : `${folder}/rootfs`;
      parts = parts.then(() => save(file, stream as unknown as Readable, tally));
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
