// Writes the files of an image that the server sends.
import { createHash, type Hash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { TransportResponse } from "../../../server/api/client.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { formatSize } from "../../output/units.ts";
import { ProgressLine } from "../../progress.ts";
import { readForm } from "./form.ts";

interface Download {
  /** The name the server gave it, without folders. */
  name: string;
  temporary: string;
}

/** Writes the files of an image; they get their names only when all bytes are there and are the right ones. */
export async function saveImage(ctx: Context, response: TransportResponse, fingerprint: string, target: string): Promise<void> {
  const progress = new ProgressLine(ctx.globals.quiet);
  const isDirectory = existsSync(target) && statSync(target).isDirectory();
  const base = isDirectory ? join(target, fingerprint) : target;
  const downloads: Download[] = [];
  const hash = createHash("sha256");
  const count = counter((received, rate) => progress.update(`Exporting the image: ${formatSize(received)} (${formatSize(rate)}/s)`));
  try {
    const contentType = response.headers["content-type"] ?? "";
    const parts = contentType.startsWith("multipart/form-data") ? readForm(response.body, contentType) : [{ headers: response.headers, bytes: response.body }];
    for await (const { headers, bytes } of parts) {
      const temporary = `${base}${downloads.length === 0 ? "" : ".root"}.part`;
      downloads.push({ name: fileName(headers["content-disposition"]), temporary });
      await save(bytes, temporary, hash, count);
    }
    if (hash.digest("hex") !== fingerprint) throw new CliError("The image that came is not the one that was asked for: its hash differs", { hint: "try again." });
    for (const [i, { name, temporary }] of downloads.entries()) await rename(temporary, finalPath(name, i));
  } catch (error) {
    await Promise.all(downloads.map(({ temporary }) => rm(temporary, { force: true })));
    throw error;
  } finally {
    progress.done();
  }

  function finalPath(name: string, i: number): string {
    if (isDirectory) return join(target, name || (i === 0 ? fingerprint : `${fingerprint}.root`));
    if (downloads.length > 1) return i === 0 ? target : `${target}.root`;
    const dot = name.indexOf(".");
    return dot < 0 ? target : `${target}${name.slice(dot)}`;
  }
}

async function save(bytes: AsyncIterable<Uint8Array>, path: string, hash: Hash, count: (bytes: number) => void): Promise<void> {
  const file: FileHandle = await open(path, "w");
  try {
    for await (const part of bytes) {
      hash.update(part);
      await file.writeFile(part);
      count(part.length);
    }
  } finally {
    await file.close();
  }
}

/** The name of a Content-Disposition header. A server may not choose the folder. */
export function fileName(disposition: string | undefined): string {
  const [, quoted, bare] = /filename=(?:"([^"]*)"|([^;]*))/i.exec(disposition ?? "") ?? [];
  const name = basename((quoted ?? bare ?? "").trim());
  return name === "." || name === ".." ? "" : name;
}

function counter(show: (received: number, rate: number) => void): (bytes: number) => void {
  const start = performance.now();
  let [received, shown] = [0, 0];
  return (bytes) => {
    received += bytes;
    const now = performance.now();
    if (now - shown < 100) return;
    shown = now;
    show(received, Math.floor(received / ((now - start) / 1000)));
  };
}
