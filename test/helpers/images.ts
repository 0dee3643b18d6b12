// Images for tests, built of Berth's own recipes once and kept in /var/cache/berth-test: a tiny one of busybox in every
// format, and Debian.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatMetadata, parseMetadata } from "../../images/metadata.ts";
import { section } from "../../snap/setup/packages.mjs";
import { execOk } from "./exec.ts";

const recipes = fileURLToPath(new URL("../../images/recipes", import.meta.url));
const engine = fileURLToPath(new URL("../../images/build", import.meta.url));
const berth = fileURLToPath(new URL("../../dist/berth", import.meta.url));
const cache = "/var/cache/berth-test";

/** The files of an image: one for a unified tarball, metadata and root file system for a split one. */
export type ImageFiles = readonly [string] | readonly [metadata: string, rootfs: string];

export interface BusyboxImages {
  /** Unified tarball, xz. */
  unified: ImageFiles;
  /** Metadata tarball (xz) and root file system tarball (zstd). */
  split: ImageFiles;
  /** Metadata tarball and squashfs. */
  squashfs: ImageFiles;
}

/** Changes with the recipe, those that it extends and what builds them: an older image is never taken for the current one. */
function recipeHash(recipe: string, packages: readonly string[]): string {
  const hash = createHash("sha256").update(packages.join(" "));
  for (const name of readdirSync(engine, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".ts")).sort()) hash.update(readFileSync(join(engine, name)));
  for (let file: string | undefined = join(recipes, `${recipe}.yaml`); file; ) {
    const text: string = readFileSync(file, "utf8");
    hash.update(text);
    const base: string | undefined = /^extends: (.+)$/m.exec(text)?.[1];
    file = base && join(file, "..", base);
  }
  return hash.digest("hex").slice(0, 12);
}

/** Builds a recipe unless its result is there. It appears by renaming, so two test runs may do this at once. */
async function make(name: string, recipe: string, packages: readonly string[] = [], finish?: (folder: string) => Promise<void>): Promise<string> {
  const hash = recipeHash(recipe, packages);
  const target = join(cache, `${name}-${hash}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "making-"));
  try {
    const args = ["image", "build", join(recipes, `${recipe}.yaml`), "--output", join(work, "out"), ...packages.flatMap((one) => ["--package", one])];
    await execOk(berth, args, { timeout: 8 * 60_000 });
    await finish?.(join(work, "out"));
    if (!existsSync(target)) renameSync(join(work, "out"), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  for (const old of readdirSync(cache)) {
    const isOld = old.startsWith(`${name}-`) && old !== `${name}-${hash}` && Date.now() - statSync(join(cache, old)).mtimeMs > 24 * 3_600_000;
    if (isOld) rmSync(join(cache, old), { recursive: true, force: true });
  }
  return target;
}

/** The small image: static busybox with its init, an address by DHCP, templates for its name. Made in a second, without network. */
export async function busyboxImages(): Promise<BusyboxImages> {
  const folder = await make("busybox", "busybox");
  return {
    unified: [join(folder, "unified.tar.xz")],
    split: [join(folder, "metadata.tar.xz"), join(folder, "rootfs.tar.zst")],
    squashfs: [join(folder, "metadata.tar.xz"), join(folder, "rootfs.squashfs")],
  };
}

const squashfs = (folder: string, metadata = "metadata.tar.xz"): ImageFiles => [join(folder, metadata), join(folder, "rootfs.squashfs")];

/** Debian 12 with systemd, as `npm run demo` has it. Made from Debian's archive in half a minute. */
export async function debianImage(): Promise<ImageFiles> {
  return squashfs(await make("debian", "debian/12"));
}

/** What berthd needs of Debian, as its package says, and a container engine that is not Berth. */
const nestingPackages = [...section("always").filter((name) => !["mmdebstrap", "debian-archive-keyring"].includes(name)), "libseccomp2", "crun", "busybox-static"];

/** The same with what it takes to run containers in it, berthd's too; `recipe`: debian/12 or debian/13. Made in a minute. */
export async function nestingImage(recipe: "debian/12" | "debian/13" = "debian/12"): Promise<ImageFiles> {
  return squashfs(await make(`nesting-${recipe.replace("/", "-")}`, recipe, nestingPackages));
}

export interface CloudImages {
  /** With templates for cloud-init's seed. */
  seeded: ImageFiles;
  /** Without: cloud-init asks /dev/lxd. */
  bare: ImageFiles;
}

/** Debian 12 with cloud-init. Made in a minute. */
export async function cloudImages(): Promise<CloudImages> {
  const folder = await make("cloud", "debian/12/cloud", [], makeBare);
  return { seeded: squashfs(folder), bare: squashfs(folder, "metadata-bare.tar.xz") };
}

/** Another metadata tarball: that of the image, but for the templates of cloud-init's seed. */
async function makeBare(folder: string): Promise<void> {
  const work = join(folder, "bare");
  mkdirSync(work);
  await execOk("tar", ["-xf", join(folder, "metadata.tar.xz"), "-C", work]);
  const metadata = parseMetadata(readFileSync(join(work, "metadata.yaml"), "utf8"));
  for (const path of Object.keys(metadata.templates)) if (path.startsWith("/var/lib/cloud/")) delete metadata.templates[path];
  writeFileSync(join(work, "metadata.yaml"), formatMetadata(metadata));
  await execOk("tar", ["-cJf", join(folder, "metadata-bare.tar.xz"), "-C", work, "metadata.yaml", "templates"]);
  rmSync(work, { recursive: true });
}

/** What Berth and LXD call the image: the hash of its files' bytes, one after the other. */
export function fingerprintOf(files: ImageFiles): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}
