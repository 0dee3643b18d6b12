// Names of projects. They stand before the names of instances on disk (`PROJECT_NAME`) and behind them in DNS (`NAME.PROJECT`).
import { fail } from "../api/errors.ts";

/** Throws `project_name_invalid`. */
export function checkProjectName(name: string): void {
  const reason = nameFault(name);
  if (reason) throw fail("project_name_invalid", { reason });
}

function nameFault(name: string): string | undefined {
  if (name === "") return "No name provided";
  if (name.includes("/")) return "Project names may not contain slashes";
  if (/\s/.test(name)) return "Project names may not contain spaces";
  if (name.includes("_")) return "Project names may not contain underscores";
  if (/['"]/.test(name)) return "Project names may not contain quotes";
  if (name === "*") return "Reserved project name";
  if (name === "." || name === "..") return `Invalid project name "${name}"`;
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(name) && !name.endsWith("-")) return undefined;
  return `Invalid project name "${name.slice(0, 80)}": it may hold up to 63 letters, digits and dashes, as it is a part of its instances' names in DNS`;
}
