// Writes a static tree that any web server can serve as a simplestreams server: streams/v1/index.json, the list of products
// in streams/v1/images.json, and the images' files in images/, named by their hashes. What is there stays right at every
// moment: files come before the list that names them, and go after it.
import { createHash, randomBytes } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../../server/api/errors.ts";
import { run } from "../../server/host/run.ts";
import { fingerprintFiles } from "../fingerprint.ts";
import { inspectImage } from "../inspect.ts";

export interface TreeImage {
  /** Metadata and root file system, or the one of a unified image. */
  files: string[];
  aliases: string[];
  /** In place of the ones in its metadata, when it has been given others since. */
  properties?: Record<string, string>;
}

export interface TreeReport {
  fingerprint: string;
  product: string;
  version: string;
  aliases: string[];
}

interface Item {
  ftype: string;
  path: string;
  sha256: string;
  size: number;
  [combined: `combined_${string}`]: string;
}

interface Product {
  aliases: string;
  arch: string;
  os: string;
  release: string;
  release_title: string;
  variant?: string;
  versions: Record<string, { items: Record<string, Item> }>;
}

type Products = Record<string, Product>;

const debianNames: Readonly<Record<string, string>> = { x86_64: "amd64", i686: "i386", aarch64: "arm64", armv7l: "armhf", ppc64le: "ppc64el" };
const listPath = "streams/v1/images.json";
const indexPath = "streams/v1/index.json";
/** What a file of the tree is called: nothing else in images/ is ever removed. */
const ownName = /^[0-9a-f]{64}\.(lxd\.tar\.xz|squashfs|root\.tar\.xz|lxd_combined\.tar\.gz)$/;

async function readProducts(folder: string): Promise<Products> {
  const file = join(folder, listPath);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    const { products } = JSON.parse(text) as { products?: Products };
    if (typeof products === "object" && products !== null && !Array.isArray(products)) return products;
  } catch {
    // told below
  }
  throw fail("stream_broken", { url: file, reason: "it is no list of products" });
}

/** A part of a product's name: it stands in paths and between colons. */
const word = (text: string | undefined, otherwise: string) => (text ?? "").toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || otherwise;

/** 20261123_17:59 */
export function versionName(seconds: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  return `${iso.slice(0, 10).replaceAll("-", "")}_${iso.slice(11, 16)}`;
}

async function addFile(folder: string, from: string, ftype: string): Promise<Item> {
  const part = join(folder, "images", `.part-${randomBytes(8).toString("hex")}`);
  try {
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    const sha256 = hash.digest("hex");
    const path = `images/${sha256}.${ftype}`;
    await chmod(part, 0o644);
    await rename(part, join(folder, path));
    return { ftype, path, sha256, size: (await stat(join(folder, path))).size };
  } finally {
    await rm(part, { force: true });
  }
}

async function addItems(folder: string, [meta = "", rootfs]: readonly string[], fingerprint: string, rootfsKind: "tar" | "squashfs"): Promise<Record<string, Item>> {
  if (rootfs === undefined) {
    const unified = await addFile(folder, meta, "lxd_combined.tar.gz");
    return { [unified.ftype]: unified };
  }
  const about = await addFile(folder, meta, "lxd.tar.xz");
  const root = await addFile(folder, rootfs, rootfsKind === "squashfs" ? "squashfs" : "root.tar.xz");
  const combined: Record<`combined_${string}`, string> = rootfsKind === "squashfs" ? { combined_squashfs_sha256: fingerprint } : { combined_rootxz_sha256: fingerprint, combined_sha256: fingerprint };
  return { [about.ftype]: { ...about, ...combined }, [root.ftype]: root };
}

const splitNames = (product: Product) => product.aliases.split(",").filter(Boolean);

/** An image is another version of what has one of its names; under names that are new it is a product of its own. */
function placeOf(products: Products, arch: string, names: readonly string[]): string {
  const known = Object.entries(products).find(([, product]) => product.arch === arch && splitNames(product).some((name) => names.includes(name)))?.[0];
  return known ?? `${(names[0] ?? "").split("/").map((part) => word(part, "image")).join(":")}:${arch}`;
}

/** The names of an image: those that were given, or what it says of itself. */
function namesOf({ aliases }: TreeImage, properties: Readonly<Record<string, string>>): string[] {
  const bad = aliases.find((alias) => /[,\s]/.test(alias) || alias === "");
  if (bad !== undefined) throw fail("invalid_name", { what: "alias", name: bad, reason: "in a list of products it may hold neither commas nor spaces" });
  if (aliases.length > 0) return aliases;
  const [os, release, variant] = [word(properties["os"], "image"), word(properties["release"], "current"), word(properties["variant"], "default")];
  return [`${os}/${release}/${variant}`, ...(variant === "default" ? [`${os}/${release}`] : [])];
}

async function addImage(folder: string, products: Products, image: TreeImage, keep: number): Promise<TreeReport> {
  const [meta = "", rootfs] = image.files;
  const { metadata, rootfs: rootfsKind } = await inspectImage({ meta, ...(rootfs === undefined ? {} : { rootfs }) }, run);
  const properties = image.properties ?? metadata.properties;
  const arch = debianNames[metadata.architecture] ?? metadata.architecture;
  const names = namesOf(image, properties);
  const fingerprint = await fingerprintFiles(image.files);
  const items = await addItems(folder, image.files, fingerprint, rootfsKind);
  const id = placeOf(products, arch, names);
  for (const product of Object.values(products)) if (product.arch === arch) product.aliases = splitNames(product).filter((name) => !names.includes(name)).join(",");
  const before = products[id];
  const version = versionName(metadata.creation_date);
  const versions = Object.entries({ ...before?.versions, [version]: { items } }).sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, keep);
  const release = properties["release"] || "current";
  products[id] = {
    aliases: [...(before ? splitNames(before) : []), ...names].join(","), arch, os: properties["os"] || "image", release,
    release_title: properties["version"] || release, ...(properties["variant"] ? { variant: properties["variant"] } : {}), versions: Object.fromEntries(versions),
  };
  return { fingerprint, product: id, version, aliases: names };
}

async function writeWhole(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.part`, `${JSON.stringify(value, undefined, 1)}\n`, { mode: 0o644 });
  await rename(`${file}.part`, file);
}

async function removeUnnamed(folder: string, products: Products): Promise<void> {
  const named = new Set(Object.values(products).flatMap(({ versions }) => Object.values(versions).flatMap(({ items }) => Object.values(items).map(({ path }) => path))));
  for (const name of await readdir(join(folder, "images"))) {
    if (ownName.test(name) && !named.has(`images/${name}`)) await rm(join(folder, "images", name), { force: true });
  }
}

/** Adds images to a tree, or makes one. Of each product the newest `keep` versions stay. */
export async function updateTree(folder: string, images: readonly TreeImage[], keep: number): Promise<TreeReport[]> {
  const products = await readProducts(folder);
  await mkdir(join(folder, "streams/v1"), { recursive: true });
  await mkdir(join(folder, "images"), { recursive: true });
  const reports: TreeReport[] = [];
  for (const image of images) reports.push(await addImage(folder, products, image, keep));
  const sorted = Object.fromEntries(Object.entries(products).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeWhole(join(folder, listPath), { content_id: "images", datatype: "image-downloads", format: "products:1.0", products: sorted });
  await writeWhole(join(folder, indexPath), {
    format: "index:1.0", index: { images: { datatype: "image-downloads", path: listPath, format: "products:1.0", products: Object.keys(sorted) } },
  });
  await removeUnnamed(folder, products);
  return reports;
}
