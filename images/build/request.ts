// A build as the client asks for it.
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../server/api/errors.ts";
import { hasCode } from "../../server/host/libc.ts";
import { type BuiltImage, buildImage } from "./build.ts";
import { findRecipe, loadRecipe } from "./load-recipe.ts";
import { Rootfs } from "./rootfs.ts";
import { makeWorkFolder } from "./work-folder.ts";

export interface BuildRequest {
  recipe: string;
  /** The folder that the image's files are put into; it is made when it is not there. */
  output: string;
  /** The folder that work in progress is done below. */
  temporary: string;
  /** Packages besides those of the recipe. */
  packages: string[];
  /** The files of the image that the recipe begins with. */
  base?: { meta: string; rootfs?: string };
}

/** Log lines are told apart from what programs write by what stands before them. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Builds an image; its files appear in the output folder when all of them are whole. */
export async function buildInto({ recipe: name, output, temporary, packages, base }: BuildRequest, signal: AbortSignal): Promise<{ images: BuiltImage[] }> {
  if (process.geteuid?.() !== 0) throw fail("root_needed", { what: "Building an image" });
  const recipe = loadRecipe(findRecipe(name));
  if (packages.length > 0) recipe.packages = [...(recipe.packages ?? []), ...packages];
  try {
    mkdirSync(output, { recursive: true });
    using work = makeWorkFolder(temporary);
    using made = makeWorkFolder(output);
    const job = { recipe, work: work.path, rootfs: new Rootfs(`${work.path}/rootfs`), log: say, signal, base };
    const images = await buildImage(job, made.path);
    for (const file of new Set(images.flatMap(({ files }) => files))) renameSync(join(made.path, file), join(output, file));
    return { images };
  } catch (error) {
    if (hasCode(error, "ENOSPC", "EDQUOT")) throw fail("disk_full", { path: temporary }, error);
    throw error;
  }
}
