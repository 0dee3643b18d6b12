// What an image says about itself: metadata.yaml, checked strictly. Scalars are read as the text that
// stands there (`release: 3.10` stays "3.10"), as Go's YAML does for a map of strings.
import { dump, FAILSAFE_SCHEMA, load } from "js-yaml";
import { fail } from "../server/api/errors.ts";

export type TemplateTrigger = "create" | "copy" | "start" | "rename";

export interface ImageTemplate {
  when: string[];
  /** Leave the file alone when it is already there. */
  create_only: boolean;
  /** Name of a file below templates/; never has a slash. */
  template: string;
  properties: Record<string, string>;
}

export interface ImageMetadata {
  /** The kernel's name: x86_64, aarch64 … */
  architecture: string;
  /** Seconds since 1970. */
  creation_date: number;
  /** Seconds since 1970; 0 is never. */
  expiry_date: number;
  properties: Record<string, string>;
  /** By the absolute path they write to. */
  templates: Record<string, ImageTemplate>;
}

/** Bytes of a metadata.yaml at most. */
export const metadataLimit = 1024 * 1024;

const kernelNames: Readonly<Record<string, string>> = {
  amd64: "x86_64", x64: "x86_64", i386: "i686", i586: "i686", "386": "i686", x86: "i686", ia32: "i686", arm64: "aarch64",
  armhf: "armv7l", armhfp: "armv7l", armv7: "armv7l", armv7hl: "armv7l", arm: "armv7l", armel: "armv6l", armv6: "armv6l",
  ppc64el: "ppc64le", powerpc64le: "ppc64le", powerpc64: "ppc64", powerpc: "ppc", mipsel: "mips", mips64el: "mips64",
  loong64: "loongarch64",
};

/** The kernel's name of an architecture: amd64 → x86_64, arm64 → aarch64; unknown ones stay. */
export function normalizeArchitecture(name: string): string {
  return Object.hasOwn(kernelNames, name) ? kernelNames[name] ?? name : name;
}

/** This machine's architecture by its kernel name. */
export function hostArchitecture(): string {
  return normalizeArchitecture(process.arch);
}

const personalities: Readonly<Record<string, readonly string[]>> = { x86_64: ["i686"], aarch64: ["armv7l"] };

/** What this machine runs: its own architecture first, then those that its kernel runs besides. */
export function runnableArchitectures(): readonly string[] {
  const host = hostArchitecture();
  return [host, ...(personalities[host] ?? [])];
}

function broken(reason: string, cause?: unknown): Error {
  return fail("image_broken", { reason: `metadata.yaml: ${reason}` }, cause);
}

/** Loads the YAML with every scalar as a string. */
function loadStrings(text: string): unknown {
  if (Buffer.byteLength(text) > metadataLimit) throw broken(`it is larger than ${metadataLimit} bytes`);
  try {
    return load(text, { schema: FAILSAFE_SCHEMA, maxAliases: 100, maxDepth: 20 });
  } catch (cause) {
    throw broken(`it is not valid YAML: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`, cause);
  }
}

function isNull(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === "~" || value === "null";
}

function takeMap(value: unknown, key: string): [string, unknown][] {
  if (isNull(value)) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(`"${key}" is not a map`);
  return Object.entries(value);
}

function takeStrings(value: unknown, key: string): Record<string, string> {
  return Object.fromEntries(takeMap(value, key).map(([name, text]): [string, string] => {
    if (isNull(text) && text !== "null") return [name, ""];
    if (typeof text !== "string") throw broken(`"${key}.${name}" is not a string`);
    return [name, text];
  }));
}

function takeTime(value: unknown, key: string): number {
  const seconds = typeof value === "string" && /^[+-]?\d{1,16}(\.0*)?$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(seconds)) throw broken(`"${key}" is not a whole number of seconds since 1970`);
  return seconds;
}

function takeBoolean(value: unknown, key: string): boolean {
  if (isNull(value)) return false;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  if (["true", "yes", "on", "y"].includes(text)) return true;
  if (["false", "no", "off", "n"].includes(text)) return false;
  throw broken(`"${key}" is neither true nor false`);
}

/** Those that are not known are kept: they never come, and other servers may know them. */
function takeTriggers(value: unknown, key: string): string[] {
  if (isNull(value)) return [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) throw broken(`"${key}" is not a list of words`);
  return [...new Set(value as string[])];
}

function takeTemplate(path: string, value: unknown): ImageTemplate {
  const key = `templates.${path}`;
  if (!path.startsWith("/") || path.includes("\0") || path.endsWith("/") || path.split("/").includes("..")) {
    throw broken(`"${key}" is not an absolute path of a file`);
  }
  const fields = new Map(takeMap(value, key));
  const template = fields.get("template");
  if (typeof template !== "string" || isNull(template)) throw broken(`"${key}.template" is missing`);
  if (/[/\0]/.test(template) || template === "." || template === "..") {
    throw broken(`"${key}.template" is not the name of a file in templates/`);
  }
  return {
    when: takeTriggers(fields.get("when"), `${key}.when`),
    create_only: takeBoolean(fields.get("create_only"), `${key}.create_only`),
    template,
    properties: takeStrings(fields.get("properties"), `${key}.properties`),
  };
}

/** Reads a metadata.yaml. Throws `image_broken` with a sentence that names the wrong key. */
export function parseMetadata(text: string): ImageMetadata {
  const document = loadStrings(text);
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw broken("it is not a map");
  const fields = new Map(Object.entries(document));
  const architecture = fields.get("architecture");
  if (typeof architecture !== "string" || isNull(architecture)) throw broken("\"architecture\" is missing");
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(architecture)) throw broken("\"architecture\" is not the name of an architecture");
  if (isNull(fields.get("creation_date"))) throw broken("\"creation_date\" is missing");
  const templates = takeMap(fields.get("templates"), "templates");
  return {
    architecture: normalizeArchitecture(architecture),
    creation_date: takeTime(fields.get("creation_date"), "creation_date"),
    expiry_date: isNull(fields.get("expiry_date")) ? 0 : takeTime(fields.get("expiry_date"), "expiry_date"),
    properties: takeStrings(fields.get("properties"), "properties"),
    templates: Object.fromEntries(templates.map(([path, value]) => [path, takeTemplate(path, value)])),
  };
}

/** Writes a metadata.yaml the way Go does: sorted keys, double quotes where needed. */
export function formatMetadata(metadata: ImageMetadata): string {
  return dump(metadata, { quoteStyle: "double", seqNoIndent: true, lineWidth: -1, noRefs: true, sortKeys: true });
}
