// A root file system in an archive: a file beside the recipe, or one that is downloaded and known by its hash.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail } from "../../../server/api/errors.ts";
import { detectFileFormat } from "../../compression.ts";
import { extractArchive } from "../../extract.ts";
import { recipeError } from "../document.ts";
import type { Beginning, Job } from "../job.ts";
import type { Source } from "../recipe-schema.ts";
import { newestFile } from "../times.ts";
import { openUrl } from "../../web.ts";

const downloadLimit = 16 * 1024 ** 3;

async function download(url: string, file: string, { log, signal }: Job): Promise<void> {
  log(`downloading ${url}`);
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      done(size > downloadLimit ? new Error(`it is larger than ${downloadLimit} bytes`) : null, chunk);
    },
  });
  try {
    await pipeline(await openUrl(url, signal), bounded, createWriteStream(file, { mode: 0o600 }), { signal });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if ((cause as NodeJS.ErrnoException).code === "ENOSPC") throw fail("disk_full", { path: file }, cause);
    throw fail("recipe_download_failed", { url, reason: (cause as Error).message }, cause);
  }
}

async function assertHash(file: string, expected: string): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  const found = hash.digest("hex");
  if (found !== expected.toLowerCase()) throw fail("recipe_hash_mismatch", { found, expected: expected.toLowerCase() });
}

export async function beginWithTarball(source: Source<"tarball">, job: Job): Promise<Beginning> {
  const { recipe, rootfs, work, log, signal } = job;
  const place = recipe.placeOf("source/path");
  const file = source.path === undefined ? `${work}/source` : resolve(dirname(place.file), source.path);
  if (source.url !== undefined) await download(source.url, file, job);
  else if (!existsSync(file)) throw recipeError(place, `there is no file ${file}`);
  if (source.sha256) await assertHash(file, source.sha256);
  log(`unpacking ${source.path ?? source.url}`);
  await extractArchive(file, await detectFileFormat(file, "the source"), rootfs.path, { signal });
  return { created: await newestFile(rootfs.path, signal), installed: [] };
}
