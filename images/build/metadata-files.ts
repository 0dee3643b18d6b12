// The metadata of the image that is built: metadata.yaml and the texts of its templates.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatMetadata, hostArchitecture, type ImageMetadata, type ImageTemplate } from "../metadata.ts";
import { readTextBeside } from "./beside.ts";
import { recipeError } from "./document.ts";
import type { Beginning, Job } from "./job.ts";
import { baseFolder } from "./sources/image.ts";

const units = { d: 86_400, w: 7 * 86_400, y: 365 * 86_400 } as const;

function expiry(text: string | undefined, created: number): number {
  if (text === undefined) return 0;
  const [, count, unit] = /^(\d+)([dwy])$/.exec(text) ?? [];
  if (count && unit) return created + Number(count) * units[unit as keyof typeof units];
  return Math.floor(Date.parse(`${text}T00:00:00Z`) / 1000);
}

/** The image's date: the recipe's, $SOURCE_DATE_EPOCH, or that of what it is made of. */
export function creationDate({ recipe }: Job, beginning: Beginning): number {
  const given = recipe.metadata?.created;
  if (given !== undefined) {
    const date = Date.parse(`${given}T00:00:00Z`);
    if (Number.isNaN(date)) throw recipeError(recipe.placeOf("metadata/created"), `there is no day ${given}`);
    return date / 1000;
  }
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  return epoch !== undefined && /^\d{1,11}$/.test(epoch) ? Number(epoch) : beginning.created;
}

/** What the image says of itself, but for its templates. */
export function describeImage({ recipe }: Job, beginning: Beginning, created: number): ImageMetadata {
  const base = beginning.metadata;
  return {
    architecture: recipe.architecture ?? base?.architecture ?? hostArchitecture(),
    creation_date: created,
    expiry_date: expiry(recipe.metadata?.expires, created),
    properties: {
      ...base?.properties, ...(recipe.description === undefined ? {} : { description: recipe.description }), ...recipe.metadata?.properties,
    },
    templates: {},
  };
}

/** A name for the template of a path that no other has: /etc/hostname is etc-hostname.tpl. */
function templateName(path: string, taken: ReadonlySet<string>): string {
  const plain = path.slice(1).replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "").slice(0, 200) || "file";
  for (let i = 1; ; i++) {
    const name = i === 1 ? `${plain}.tpl` : `${plain}-${i}.tpl`;
    if (!taken.has(name)) return name;
  }
}

/** Writes metadata.yaml and templates/ into a folder. */
export function writeMetadata(folder: string, metadata: ImageMetadata, { recipe, work }: Job, beginning: Beginning): void {
  mkdirSync(join(folder, "templates"), { recursive: true, mode: 0o755 });
  const templates: Record<string, ImageTemplate> = {};
  const taken = new Set<string>();
  for (const [path, template] of Object.entries(beginning.metadata?.templates ?? {})) {
    if (recipe.templates?.[path]) continue;
    copyFileSync(join(baseFolder(work), "templates", template.template), join(folder, "templates", template.template));
    taken.add(template.template);
    templates[path] = template;
  }
  for (const [path, entry] of Object.entries(recipe.templates ?? {})) {
    const place = recipe.placeOf(`templates/${path}/source`);
    const text = entry.content ?? readTextBeside(place, entry.source ?? "");
    const template = templateName(path, taken);
    taken.add(template);
    writeFileSync(join(folder, "templates", template), text, { mode: 0o644 });
    templates[path] = { when: entry.when ?? ["create", "copy", "rename"], create_only: entry.create_only ?? false, template, properties: entry.properties ?? {} };
  }
  writeFileSync(join(folder, "metadata.yaml"), formatMetadata({ ...metadata, templates }), { mode: 0o644 });
}
