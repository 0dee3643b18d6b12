// What an instance keeps of its image's metadata.yaml, read and changed by users.
import { existsSync, readFileSync } from "node:fs";
import { formatMetadata, type ImageMetadata, parseMetadata } from "../../../images/metadata.ts";
import { fail, isCode } from "../../api/errors.ts";
import type { InstanceMetadata } from "../../api/instance-metadata.ts";
import { replaceFile } from "../../host/replace-file.ts";
import type { InstanceRecord } from "../store.ts";

/** Of an instance without an image: all its members are empty, as LXD shows it. */
const none: InstanceMetadata = { architecture: "", creation_date: 0, expiry_date: 0, properties: null, templates: null };

/** `folder`: of the instance's volume. */
export function readMetadata(folder: string): InstanceMetadata {
  const file = `${folder}/metadata.yaml`;
  return existsSync(file) ? parseMetadata(readFileSync(file, "utf8")) : none;
}

/** Writes it if it can be read again: a template that cannot would keep the instance from starting. Throws `metadata_invalid`. */
export function writeMetadata(folder: string, { architecture }: InstanceRecord, wanted: Partial<InstanceMetadata>): void {
  const text = formatMetadata(whole(wanted, architecture));
  try {
    parseMetadata(text);
  } catch (error) {
    if (isCode(error, "image_broken")) throw fail("metadata_invalid", { reason: String(error.details["reason"]) }, error);
    throw error;
  }
  replaceFile(`${folder}/metadata.yaml`, text, 0o644);
}

function whole(wanted: Partial<InstanceMetadata>, architecture: string): ImageMetadata {
  const templates = Object.entries(wanted.templates ?? {}).map(([path, { when, create_only: once, template, properties }]) =>
    [path, { when: when ?? [], create_only: once ?? false, template: template ?? "", properties: properties ?? {} }]);
  return {
    architecture: wanted.architecture || architecture, creation_date: wanted.creation_date ?? 0, expiry_date: wanted.expiry_date ?? 0,
    properties: wanted.properties ?? {}, templates: Object.fromEntries(templates) as ImageMetadata["templates"],
  };
}

/** A change on top of what is there: maps grow by their keys, everything else is replaced. */
export function mergeMetadata(now: InstanceMetadata, change: Partial<InstanceMetadata>): InstanceMetadata {
  return { ...now, ...change, properties: { ...now.properties, ...change.properties }, templates: { ...now.templates, ...change.templates } };
}
