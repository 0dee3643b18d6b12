// Reads a recipe with all that it extends, and checks what no schema can.
import { readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../../server/api/errors.ts";
import { normalizeArchitecture } from "../metadata.ts";
import { checkDocument } from "./check.ts";
import { type DocumentNode, mergeDocuments, parseDocument, type Place, recipeError } from "./document.ts";
import { Recipe, type RunStep } from "./recipe-schema.ts";

export interface Step extends RunStep {
  place: Place;
}

export interface LoadedRecipe extends Omit<Recipe, "run"> {
  /** The file that was asked for. */
  file: string;
  run: Step[];
  /** Where something stands, by its path: `files/0`. */
  placeOf(path: string): Place;
}

const depthLimit = 8;

/** Recipes that come with Berth, by their names: debian/12. Beside the sources, or beside the program. */
const shippedFolders = ["../recipes", "recipes"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));

function read(file: string, from?: Place): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (cause as Error).message;
    if (from) throw recipeError(from, `it extends ${file}, and ${reason}`, cause);
    throw recipeError({ file, line: 0 }, reason, cause);
  }
}

/** The file of a recipe: a path, or the name of one that comes with Berth. */
export function findRecipe(name: string): string {
  const candidates = [resolve(name)];
  if (/^[a-z0-9][a-z0-9./-]*$/.test(name) && !name.includes("..")) candidates.push(...shippedFolders.map((folder) => join(folder, `${name}.yaml`)));
  for (const file of candidates) {
    try {
      readFileSync(file);
      return file;
    } catch {
      // not this one
    }
  }
  throw fail("recipe_not_found", { name });
}

function loadDocument(file: string, seen: readonly string[], from?: Place): DocumentNode {
  if (seen.includes(file) || seen.length >= depthLimit) throw recipeError(from ?? { file, line: 0 }, "recipes extend each other without end");
  const document = parseDocument(read(file, from), file);
  const base = document.kind === "map" ? document.entries.get("extends") : undefined;
  if (base?.value.kind !== "scalar" || base.value.text === "") return document;
  return mergeDocuments(loadDocument(resolve(dirname(file), base.value.text), [...seen, file], base.value), document);
}

function checkEntries(recipe: Recipe, placeOf: (path: string) => Place): void {
  for (const [i, entry] of (recipe.files ?? []).entries()) {
    const place = placeOf(`files/${i}`);
    const given = (["content", "source", "link", "directory"] as const).filter((key) => entry[key] !== undefined && entry[key] !== false);
    if (given.length !== 1) throw recipeError(place, `"files.${i}" has to have one of content, source, link and directory: ${given.length === 0 ? "it has none" : `it has ${given.join(" and ")}`}`);
    if (entry.link !== undefined && entry.mode !== undefined) throw recipeError(place, `"files.${i}": a link has no mode`);
    if (entry.template && entry.content === undefined && entry.source === undefined) throw recipeError(place, `"files.${i}": only a text can be a template`);
    if (entry.path.split("/").includes("..") || entry.path.endsWith("/")) throw recipeError(place, `"files.${i}.path" may neither have ".." in it nor end with a slash`);
  }
  for (const [path, entry] of Object.entries(recipe.templates ?? {})) {
    if ((entry.content === undefined) === (entry.source === undefined)) throw recipeError(placeOf(`templates/${path}`), `the template of ${path} has to have either content or source`);
    if (path.split("/").includes("..")) throw recipeError(placeOf(`templates/${path}`), `${path} may not have ".." in it`);
  }
  for (const [i, path] of (recipe.cleanup?.remove ?? []).entries()) {
    if (path.split("/").includes("..") || /^\/+$/.test(path)) throw recipeError(placeOf(`cleanup/remove/${i}`), `"${path}" cannot be removed`);
  }
  const { source } = recipe;
  if (source.type === "tarball" && (source.path === undefined) === (source.url === undefined)) throw recipeError(placeOf("source"), "a tarball has either a path or a url");
  if (source.type === "debootstrap" && source.tool === "debootstrap" && source.exclude) throw recipeError(placeOf("source/exclude"), "only mmdebstrap can leave paths out");
  if (source.type === "tarball" && source.url && !source.sha256) throw recipeError(placeOf("source"), "what is downloaded has to be known by its sha256");
  const targets = recipe.targets ?? [];
  for (const [i, { format, compression }] of targets.entries()) {
    if (format === "squashfs" && compression === "none") throw recipeError(placeOf(`targets/${i}`), "a squashfs is always compressed");
    const same = targets.findIndex((other) => other.format === format && (format === "squashfs" || other.compression === compression));
    if (same < i) throw recipeError(placeOf(`targets/${i}`), `it would have the same files as the target before it`);
  }
}

/** Reads a recipe. Throws `recipe_invalid` with file and line. */
export function loadRecipe(file: string): LoadedRecipe {
  const { value, placeOf } = checkDocument(Recipe, loadDocument(file, []));
  checkEntries(value, placeOf);
  const run = (value.run ?? []).map((step, i): Step => {
    const place = placeOf(`run/${i}`);
    return typeof step === "string" || Array.isArray(step) ? { command: step, place } : { ...step, place };
  });
  return { ...value, ...(value.architecture ? { architecture: normalizeArchitecture(value.architecture) } : {}), file, run, placeOf };
}

/** What a step is called where it is told of. */
export function nameOfStep({ name, command }: Step): string {
  const text = name ?? (typeof command === "string" ? command.trim().split("\n")[0] ?? "" : command.map((word, i) => (i === 0 ? basename(word) : word)).join(" "));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
