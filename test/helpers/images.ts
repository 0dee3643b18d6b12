// Images for tests, made once and kept in /var/cache/berth-test: a tiny one of busybox in every format, and Debian.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execOk } from "./exec.ts";

const recipes = fileURLToPath(new URL("../../images/recipes", import.meta.url));
const cache = "/var/cache/berth-test";

/** The files of an image: one for a unified tarball, metadata and root file system for a split one. */
export type ImageFiles = readonly [string] | readonly [metadata: string, rootfs: string];

export interface BusyboxImages {
  /** Unified tarball, xz. */
  unified: ImageFiles;
  /** Metadata tarball (gz) and root file system tarball (zstd). */
  split: ImageFiles;
  /** Metadata tarball and squashfs. */
  squashfs: ImageFiles;
}

/** Changes with a recipe, so that an image of an older recipe is never taken for the current one. */
function recipeHash(...files: string[]): string {
  const hash = createHash("sha256");
  for (const file of ["lib.mjs", ...files]) hash.update(readFileSync(join(recipes, file)));
  return hash.digest("hex").slice(0, 12);
}

/** Runs a recipe unless its result is there. It appears by renaming, so two test runs may do this at once. */
async function make(name: string, recipe: string, hash: string, args: readonly string[] = []): Promise<string> {
  const target = join(cache, `${name}-${hash}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "making-"));
  try {
    await execOk(process.execPath, [join(recipes, recipe), join(work, "out"), ...args], { timeout: 8 * 60_000 });
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
  const folder = await make("busybox", "busybox.mjs", recipeHash("busybox.mjs"));
  return {
    unified: [join(folder, "unified.tar.xz")],
    split: [join(folder, "metadata.tar.gz"), join(folder, "rootfs.tar.zst")],
    squashfs: [join(folder, "metadata.tar.gz"), join(folder, "rootfs.squashfs")],
  };
}

/** Debian 12 with systemd, as `npm run demo` has it. Made from Debian's archive in half a minute. */
export async function debianImage(): Promise<ImageFiles> {
  const folder = await make("debian", "debian.mjs", recipeHash("debian.mjs", "debian-archive.mjs"));
  return [join(folder, "metadata.tar.xz"), join(folder, "rootfs.squashfs")];
}

/** What berthd needs of Debian, and a container engine that is not Berth. */
const nestingPackages = ["lxc", "nftables", "dnsmasq-base", "squashfs-tools", "xz-utils", "zstd", "libseccomp2", "crun", "busybox-static"];

/** The same with what it takes to run containers in it, berthd's too. Made in a minute. */
export async function nestingImage(): Promise<ImageFiles> {
  const hash = createHash("sha256").update(`${recipeHash("debian.mjs", "debian-archive.mjs")} ${nestingPackages.join(" ")}`).digest("hex").slice(0, 12);
  const folder = await make("nesting", "debian.mjs", hash, ["bookworm", ...nestingPackages]);
  return [join(folder, "metadata.tar.xz"), join(folder, "rootfs.squashfs")];
}

export interface CloudImages {
  /** With templates for cloud-init's seed. */
  seeded: ImageFiles;
  /** Without: cloud-init asks /dev/lxd. */
  bare: ImageFiles;
}

/** Debian 12 with cloud-init. Made in a minute. */
export async function cloudImages(): Promise<CloudImages> {
  const hash = recipeHash("debian.mjs", "debian-archive.mjs", "debian-cloud.mjs", "cloud-templates.mjs");
  const folder = await make("cloud", "debian-cloud.mjs", hash);
  const files = (metadata: string): ImageFiles => [join(folder, metadata), join(folder, "rootfs.squashfs")];
  return { seeded: files("metadata.tar.xz"), bare: files("metadata-bare.tar.xz") };
}

/** What Berth and LXD call the image: the hash of its files' bytes, one after the other. */
export function fingerprintOf(files: ImageFiles): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}
