// Copies the native modules beside the bundles, without their sources: dist can then be moved as it is.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** What of each package is needed to run it. */
const parts = {
  "better-sqlite3": ["package.json", "lib", "build/Release/better_sqlite3.node"],
  bindings: ["package.json", "bindings.js"],
  "file-uri-to-path": ["package.json", "index.js"],
  koffi: ["package.json", "index.js", "index.cjs", "indirect.js", "indirect.cjs", "src/koffi/index.js", "src/koffi/index.cjs", "src/koffi/src/static.js", "src/koffi/src/static.cjs"],
};

function copy(from, to) {
  const have = existsSync(to) ? statSync(to) : undefined;
  const want = statSync(from);
  if (want.isFile() && have?.size === want.size && have.mtimeMs === want.mtimeMs) return;
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { recursive: true, force: true }); // a running daemon keeps the old file
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

export function copyNatives(root) {
  const modules = join(root, "node_modules");
  const target = join(root, "dist/node_modules");
  for (const [name, files] of Object.entries(parts)) {
    for (const file of files) if (existsSync(join(modules, name, file))) copy(join(modules, name, file), join(target, name, file));
  }
  const platforms = existsSync(join(modules, "@koromix")) ? readdirSync(join(modules, "@koromix")) : [];
  for (const name of platforms) copy(join(modules, "@koromix", name), join(target, "@koromix", name));
}

/** The files whose change calls for another copy. */
export const nativeFiles = ["node_modules/better-sqlite3/build/Release/better_sqlite3.node", "node_modules/koffi/package.json"];
