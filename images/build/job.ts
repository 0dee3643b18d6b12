// What each part of a build is given.
import type { ImageMetadata } from "../metadata.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import type { Rootfs } from "./rootfs.ts";
import type { Log } from "./stream.ts";

export interface Job {
  recipe: LoadedRecipe;
  /** A folder that goes when the build is over. */
  work: string;
  rootfs: Rootfs;
  log: Log;
  signal: AbortSignal;
  /** The files of the image that the recipe begins with, when it begins with one. */
  base?: { meta: string; rootfs?: string } | undefined;
}

/** What the beginning of a root file system told about itself. */
export interface Beginning {
  /** Seconds since 1970: the date of what it was made of. */
  created: number;
  /** Packages that are there already. */
  installed: readonly string[];
  /** Of the image that it came from. */
  metadata?: ImageMetadata | undefined;
}
