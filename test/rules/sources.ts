// The project's own modules as the rules see them: path, text, and what each imports.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { builtinModules } from "node:module";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Import {
  /** As written. */
  specifier: string;
  /** A path in the project, `node:…`, or the name of a package. */
  target: string;
  /** Only types: nothing of it is there when the program runs. */
  typeOnly: boolean;
}

export interface Source {
  /** From the project's root, with slashes. */
  path: string;
  text: string;
  lines: number;
  imports: Import[];
}

const statement = /(?:^|[\n;])\s*(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"']+)["']/g;
const dynamic = /\bimport\s*\(\s*["']([^"']+)["']\s*\)/g;

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith(".")) return normalize(join(dirname(from), specifier));
  if (specifier.startsWith("node:") || builtinModules.includes(specifier)) return `node:${specifier.replace(/^node:/, "")}`;
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Comments hold examples of imports; strings are kept, for the names of modules stand in them. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{}(,])\/\/.*$/gm, "$1");
}

export function importsOf(path: string, source: string): Import[] {
  const text = withoutComments(source);
  const found: Import[] = [];
  for (const match of text.matchAll(statement)) {
    const specifier = match[3] ?? "";
    found.push({ specifier, target: resolve(path, specifier), typeOnly: match[2] !== undefined || onlyTypes(match[0]) });
  }
  for (const match of text.matchAll(dynamic)) {
    const specifier = match[1] ?? "";
    const typeOnly = /typeof\s+$|[:<=|&(]\s*$/.test(text.slice(Math.max(0, match.index - 8), match.index)) && /^\s*\)?\s*\./.test(text.slice(match.index + match[0].length));
    found.push({ specifier, target: resolve(path, specifier), typeOnly });
  }
  return found;
}

/** `import { type A, type B }` brings types only, too. */
function onlyTypes(text: string): boolean {
  const names = /^\s*[\n;]?\s*import\s*\{([^}]*)\}/.exec(text)?.[1]?.split(",").map((name) => name.trim()).filter(Boolean);
  return names !== undefined && names.length > 0 && names.every((name) => name.startsWith("type "));
}

/** All modules below folders of the project. */
export function sources(folders: readonly string[], extension = /\.tsx?$/): Source[] {
  const found: Source[] = [];
  for (const folder of folders) {
    let names: string[];
    try {
      names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
    } catch {
      continue; // a folder that is not there yet
    }
    for (const name of names.filter((one) => extension.test(one) && !one.includes("node_modules"))) {
      const path = `${folder}/${name}`;
      const text = readFileSync(join(root, path), "utf8");
      found.push({ path, text, lines: text.split("\n").length - 1, imports: importsOf(path, text) });
    }
  }
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

export const programFolders = ["server", "cli", "images", "networks"] as const;
