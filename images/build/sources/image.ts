// An image that there is already: its root file system, its properties and its templates.
import { readFileSync, renameSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fail } from "../../../server/api/errors.ts";
import { metadataLimit, parseMetadata } from "../../metadata.ts";
import { unpackImage } from "../../unpack.ts";
import type { Beginning, Job } from "../job.ts";
import type { Source } from "../recipe-schema.ts";

/** The folder with metadata.yaml and templates/ of the image that the recipe begins with. */
export const baseFolder = (work: string) => `${work}/base`;

export async function beginWithImage(source: Source<"image">, { base, rootfs, work, log, signal }: Job): Promise<Beginning> {
  if (!base) throw fail("internal", { reason: `the files of the image ${source.image} were not handed over` });
  log(`unpacking the image ${source.image}`);
  const folder = baseFolder(work);
  await mkdir(folder, { mode: 0o755 });
  await unpackImage(base, folder, { rootfs: true, signal });
  renameSync(`${folder}/rootfs`, rootfs.path);
  const text = readFileSync(`${folder}/metadata.yaml`, "utf8");
  const metadata = parseMetadata(text.slice(0, metadataLimit + 1));
  return { created: metadata.creation_date, installed: [], metadata };
}
