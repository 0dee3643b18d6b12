// The template files of an instance: metadata.yaml says what is made of them, and when (templates.ts).
import { closeSync, constants, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { syncEnvelope } from "../../api/envelope.ts";
import { fail } from "../../api/errors.ts";
import { hasCode, RESOLVE } from "../../host/libc.ts";
import { fileReply, type RawReply } from "../../http/replies.ts";
import { openat2At } from "../templates.ts";

/** Of a volume's folder. */
const templatesOf = (folder: string) => `${folder}/templates`;

export function listTemplates(folder: string): RawReply {
  return { headers: { "content-type": "application/json" }, body: Buffer.from(`${JSON.stringify(syncEnvelope(namesIn(templatesOf(folder))))}\n`) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name).sort();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** The name of a template in a request. Throws `template_path_missing` or `invalid_template_name`. */
export function templateNameOf(path: string | undefined): string {
  if (!path) throw fail("template_path_missing");
  if (/[/\0]/.test(path) || path === "." || path === ".." || Buffer.byteLength(path) > 255) throw fail("invalid_template_name", { name: path.slice(0, 80) });
  return path;
}

/** Runs `work`; what is not there is a `template_not_found`. */
async function found<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw fail("template_not_found", { name });
    throw error;
  }
}

export function readTemplate(folder: string, name: string): Promise<RawReply> {
  return found(name, async () => {
    const fd = openat2At(templatesOf(folder), name, constants.O_RDONLY, RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH);
    try {
      return await fileReply(`/proc/self/fd/${fd}`, name);
    } finally {
      closeSync(fd);
    }
  });
}

/** A template appears whole, in place of one of that name. */
export function writeTemplate(folder: string, name: string, text: Buffer): void {
  const unfinished = `${folder}/template.new`;
  mkdirSync(templatesOf(folder), { recursive: true, mode: 0o711 });
  writeFileSync(unfinished, text, { mode: 0o644 });
  try {
    renameSync(unfinished, `${templatesOf(folder)}/${name}`);
  } catch (error) {
    rmSync(unfinished);
    if (hasCode(error, "EISDIR")) throw fail("invalid_template_name", { name });
    throw error;
  }
}

export function deleteTemplate(folder: string, name: string): Promise<void> {
  return found(name, () => unlinkSync(`${templatesOf(folder)}/${name}`));
}
