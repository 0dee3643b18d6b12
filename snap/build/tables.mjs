// Makes the client's two big tables light. Commands and endpoints are worked out while the client is built; when it starts, only the
// command that is named is evaluated, and no schema at all.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const laterFile = JSON.stringify(fileURLToPath(new URL("./later.mjs", import.meta.url)));
const tables = /[/\\]cli[/\\]commands[/\\](?:\w+[/\\])?index\.ts$/;
const contract = /[/\\]server[/\\]api[/\\]index\.ts$/;
const imports = /^import \{ (\w+(?:, \w+)*) \} from "(\.[^"]+)";$/gm;

/** What has to be known of a command to find it, and to list it. */
const knownMembers = ["name", "aliases", "summary", "hidden"];

const isEntry = (value) => typeof value?.name === "string" && typeof value.summary === "string" && ("run" in value || "commands" in value);

/** Bundles a text and runs it here; resolves to what it exports and to the files it is made of. */
async function evaluate(build, contents, root) {
  const { alias, define, loader, target } = build.initialOptions;
  const { outputFiles, metafile } = await build.esbuild.build({
    stdin: { contents, resolveDir: root, loader: "ts" }, absWorkingDir: root, bundle: true, platform: "node", format: "cjs", write: false, metafile: true, logLevel: "silent",
    target, alias, define: { ...define, "import.meta.url": '""' }, loader,
    plugins: [{ name: "no-packages", setup: (inner) => inner.onResolve({ filter: /^[^./]|sftp\/index|tui\// }, ({ path, kind }) => (kind === "entry-point" || path === "typebox" ? undefined : { path, external: true })) }],
  });
  const module = { exports: {} };
  new Function("module", "exports", "require", outputFiles[0].text)(module, module.exports, createRequire(join(root, "package.json")));
  return { values: module.exports, inputs: Object.keys(metafile.inputs).filter((file) => file !== "<stdin>") };
}

function tableFiles(root) {
  const folder = join(root, "cli/commands");
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, name)).filter((file) => tables.test(file));
}

function renderLater(value, load) {
  const known = Object.fromEntries(knownMembers.filter((key) => key in value).map((key) => [key, value[key]]));
  const others = Object.keys(value).filter((key) => !knownMembers.includes(key));
  return `berthLater(${JSON.stringify(known)},${JSON.stringify(others)},()=>${load})`;
}

/** A table's text, in which commands are no longer imported but loaded when they are needed. */
function withoutImports(text, values) {
  const replaced = text.replace(imports, (line, names, from) => {
    const all = names.split(", ").map((name) => [name, values[name]]);
    if (!all.every(([, value]) => isEntry(value) || (Array.isArray(value) && value.every(isEntry)))) return line;
    return all.map(([name, value]) => {
      const load = `require(${JSON.stringify(from)}).${name}`;
      const late = Array.isArray(value) ? `[${value.map((one, i) => renderLater(one, `${load}[${i}]`)).join()}]` : renderLater(value, load);
      return `const ${name}=${late};`;
    }).join("");
  });
  return replaced === text ? text : `import{later as berthLater}from${laterFile};${replaced}`;
}

/** Of each endpoint what a request is made of. */
const bare = (endpoints) => Object.fromEntries(Object.entries(endpoints).map(([id, { method, path, kind }]) => [id, { method, path, kind }]));

/** The plugin. Files that the bundle's metafile does not show, but that it depends on, are added to `inputs`. */
export function lightTables(root, inputs) {
  return {
    name: "light-tables",
    async setup(build) {
      const files = tableFiles(root);
      const names = (file) => [...readFileSync(file, "utf8").matchAll(imports)].map(([, list, from]) => ({ list, from }));
      const lines = files.flatMap((file, i) => [
        ...names(file).map(({ list, from }) => `import {${list.split(", ").map((name) => `${name} as t${i}_${name}`)}} from ${JSON.stringify(join(file, "..", from))};`),
        `export const t${i} = {${names(file).flatMap(({ list }) => list.split(", ").map((name) => `${name}: t${i}_${name}`))}};`,
      ]);
      const { values, inputs: read } = await evaluate(build, `${lines.join("\n")}\nexport { endpoints } from "./server/api/index.ts";`, root);
      for (const file of read) inputs.add(relative(root, join(root, file)));
      build.onLoad({ filter: tables }, ({ path }) => ({ contents: withoutImports(readFileSync(path, "utf8"), values[`t${files.indexOf(path)}`]), loader: "ts" }));
      build.onLoad({ filter: contract }, () => ({ contents: `export const endpoints=${JSON.stringify(bare(values.endpoints))};`, loader: "js" }));
    },
  };
}
