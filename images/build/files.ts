// The files, folders and links that a recipe makes.
import { isCode } from "../../server/api/errors.ts";
import { hasCode } from "../../server/host/libc.ts";
import { renderText } from "../templates/render.ts";
import { type Beside, readBeside } from "./beside.ts";
import { type Place, recipeError } from "./document.ts";
import type { Job } from "./job.ts";
import { resolveOwner } from "./owners.ts";
import type { FileEntry } from "./recipe-schema.ts";
import type { Rootfs } from "./rootfs.ts";

/** What a text finds that is a template: values of the recipe. */
export type Variables = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

const permissions = (mode: string) => Number.parseInt(mode, 8);

function render(text: string, variables: Variables, place: Place): string {
  try {
    return renderText(text, variables);
  } catch (error) {
    if (isCode(error, "image_broken")) throw recipeError(place, `the text is no template: ${error.message.replace(/^Image is not usable: /, "")}`, error);
    throw error;
  }
}

interface Copy {
  entry: FileEntry;
  place: Place;
  owner: { uid: number; gid: number };
  variables: Variables;
}

/** Copies a file, or a folder with all that is in it; a mode holds for the files, and folders can be entered by whoever reads. */
function copyBeside(rootfs: Rootfs, found: Beside, source: string, target: string, copy: Copy): void {
  const { entry, place, owner, variables } = copy;
  const mode = entry.mode === undefined ? (found.mode & 0o111 ? 0o755 : 0o644) : permissions(entry.mode);
  if (found.kind === "file") {
    const data = entry.template ? render(found.data.toString("utf8"), variables, place) : found.data;
    rootfs.write(target, data, { mode, ...owner });
    return;
  }
  rootfs.makeFolder(target, { mode: 0o755, ...owner });
  for (const name of found.names) copyBeside(rootfs, readBeside(place, `${source}/${name}`), `${source}/${name}`, `${target}/${name}`, copy);
}

function makeEntry(rootfs: Rootfs, entry: FileEntry, path: string, { recipe }: Job, variables: Variables): void {
  const place = recipe.placeOf(path);
  const owner = resolveOwner(rootfs, entry.owner, place);
  const text = entry.content;
  if (entry.link !== undefined) rootfs.link(entry.path, entry.link, owner);
  else if (entry.directory) rootfs.makeFolder(entry.path, { mode: permissions(entry.mode ?? "0755"), ...owner });
  else if (text !== undefined) rootfs.write(entry.path, entry.template ? render(text, variables, place) : text, { mode: permissions(entry.mode ?? "0644"), ...owner });
  else if (entry.source !== undefined) {
    const from = recipe.placeOf(`${path}/source`);
    copyBeside(rootfs, readBeside(from, entry.source), entry.source, entry.path, { entry, place: from, owner, variables });
  }
}

/** Makes all of them, in their order. */
export function makeFiles(job: Job, variables: Variables): void {
  for (const [i, entry] of (job.recipe.files ?? []).entries()) {
    try {
      makeEntry(job.rootfs, entry, `files/${i}`, job, variables);
    } catch (error) {
      if (hasCode(error, "ENOTDIR", "EISDIR", "EPERM", "ELOOP", "ENAMETOOLONG", "EXDEV", "EEXIST", "ENOENT")) {
        throw recipeError(job.recipe.placeOf(`files/${i}`), `${entry.path} cannot be made: ${(error as Error).message}`, error);
      }
      throw error;
    }
  }
}
