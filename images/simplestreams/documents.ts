// The documents of a simplestreams server: an index that names lists of products, and the products with their versions and files.
// Whatever is not as it should be is passed over, as other clients do; a document that is none at all is an error.
import { fail } from "../../server/api/errors.ts";
import { normalizeArchitecture } from "../metadata.ts";

export interface StreamFile {
  /** Below the server's URL. */
  path: string;
  sha256: string;
  /** Bytes; undefined when it is not told. */
  size: number | undefined;
}

/** An image for containers that a server lists. */
export interface StreamImage {
  fingerprint: string;
  architecture: string;
  properties: Record<string, string>;
  /** As the server lists them, without architecture. */
  names: string[];
  /** ms since the epoch. */
  createdAt: number;
  /** 0: never. */
  expiresAt: number;
  /** Bytes of all files. */
  size: number;
  filename: string;
  meta: StreamFile;
  /** undefined: `meta` holds all. */
  root: StreamFile | undefined;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const fieldsIn = (value: unknown): [string, Fields][] => (isFields(value) ? Object.entries(value).filter((entry): entry is [string, Fields] => isFields(entry[1])) : []);
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 1000) : "");
const isHash = (value: string): boolean => /^[0-9a-f]{64}$/.test(value);

function load(json: string, url: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw fail("stream_broken", { url, reason: "it sent something else than JSON" }, cause);
  }
  if (!isFields(value)) throw fail("stream_broken", { url, reason: "its JSON is no object" });
  return value;
}

/** The paths of the lists of images that an index names. Throws `stream_broken`. */
export function parseIndex(json: string, url: string): string[] {
  const { index } = load(json, url);
  if (!isFields(index)) throw fail("stream_broken", { url, reason: "its index has no \"index\"" });
  return fieldsIn(index)
    .filter(([, entry]) => entry["datatype"] === "image-downloads" && Array.isArray(entry["products"]) && entry["products"].length > 0)
    .map(([, entry]) => text(entry["path"]))
    .filter((path) => path !== "");
}

/** The first eight characters of a version's name are its day. */
function dayOf(name: string): number | undefined {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)/.exec(name) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  return Number.isNaN(time) ? undefined : time;
}

function fileOf(item: Fields): StreamFile | undefined {
  const [path, sha256, size] = [text(item["path"]), text(item["sha256"]).toLowerCase(), Number(item["size"])];
  if (path === "" || !isHash(sha256)) return undefined;
  return { path, sha256, size: Number.isSafeInteger(size) && size > 0 ? size : undefined };
}

/** Where the fingerprint of each kind of root file system stands among a metadata item's fields; the kinds that are liked best first. */
const rootKinds: readonly (readonly [type: string, fields: readonly string[]])[] = [
  ["squashfs", ["combined_squashfs_sha256"]], ["root.tar.xz", ["combined_rootxz_sha256", "combined_sha256"]],
];

interface Parts {
  fingerprint: string;
  type: string;
  meta: StreamFile;
  root: StreamFile | undefined;
}

function partsOf(items: readonly Fields[]): Parts[] {
  const unified = items.filter((item) => item["ftype"] === "lxd_combined.tar.gz").flatMap((item) => {
    const meta = fileOf(item);
    return meta ? [{ fingerprint: meta.sha256, type: "tar.gz", meta, root: undefined }] : [];
  });
  const about = items.find((item) => item["ftype"] === "lxd.tar.xz") ?? items.find((item) => item["ftype"] === "incus.tar.xz");
  const meta = about && fileOf(about);
  if (!about || !meta) return unified;
  const split = rootKinds.flatMap(([type, fields]) => {
    const item = items.find((one) => one["ftype"] === type);
    const root = item && fileOf(item);
    const fingerprint = fields.map((field) => text(about[field]).toLowerCase()).find(isHash);
    return root && fingerprint ? [{ fingerprint, type, meta, root }] : [];
  });
  return [...split, ...unified];
}

function propertiesOf(product: Fields, version: Fields, serial: string, type: string): Record<string, string> {
  const [os, title, arch, label] = [text(product["os"]), text(product["release_title"]), text(product["arch"]), text(version["label"])];
  const requirements = { ...(isFields(product["lxd_requirements"]) ? product["lxd_requirements"] : {}), ...(isFields(product["requirements"]) ? product["requirements"] : {}) };
  const all: [string, string][] = [
    ["os", os], ["release", text(product["release"])], ["version", text(product["version"])], ["architecture", arch], ["label", label], ["serial", serial],
    ["description", `${os} ${title} ${arch}${label ? ` (${label})` : ""} (${serial})`], ["variant", text(product["variant"])], ["type", type],
    ...Object.entries(requirements).map(([key, value]): [string, string] => [`requirements.${key}`, text(value)]),
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== ""));
}

/** The images for containers in a list of products. Throws `stream_broken`. */
export function parseProducts(json: string, url: string): StreamImage[] {
  const { products } = load(json, url);
  return fieldsIn(products).flatMap(([, product]) => fieldsIn(product["versions"]).flatMap(([serial, version]) => {
    const createdAt = dayOf(serial);
    if (createdAt === undefined) return [];
    const architecture = normalizeArchitecture(text(product["arch"]));
    const names = text(product["aliases"]).split(",").map((name) => name.trim()).filter(Boolean);
    return partsOf(fieldsIn(version["items"]).map(([, item]) => item)).map(({ fingerprint, type, meta, root }) => ({
      fingerprint, architecture, names, createdAt, expiresAt: Date.parse(text(product["support_eol"])) || 0, size: (meta.size ?? 0) + (root?.size ?? 0),
      properties: propertiesOf(product, version, serial, type), filename: meta.path.split("/").at(-1) ?? "", meta, root,
    }));
  }));
}
