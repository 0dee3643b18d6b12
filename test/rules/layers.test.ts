// Imports follow the table of layers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Layer, layers, mayStartPrograms } from "./layer-table.ts";
import { importsOf, programFolders, type Source, sources } from "./sources.ts";

const modules = sources(programFolders);
const inProject = /^(server|cli|images|networks|test|snap)\//;

const layerOf = (path: string) => layers.find(({ from }) => from.some((start) => path.startsWith(start)));

function breaches(module: Source, layer: Layer): string[] {
  const own = layer.from.filter((start) => start.endsWith("/") && module.path.startsWith(start));
  return module.imports
    .filter(({ target, typeOnly }) => {
      if (!inProject.test(target)) return !typeOnly && layer.notPackages?.test(target);
      const allowed = [...layer.may, ...own, ...(typeOnly ? (layer.types ?? []) : [])];
      return !allowed.some((start) => target.startsWith(start));
    })
    .map(({ specifier }) => `${module.path} imports ${specifier}: ${layer.because}`);
}

test("the rules see the project's modules", () => {
  assert.ok(modules.length > 15, `only ${modules.length} modules were read`);
  assert.ok(modules.some(({ imports }) => imports.length > 2), "no imports were read");
});

test("imports of every form are seen", () => {
  const text = `import a from "./a.ts";\nimport type { B } from "../b.ts";\nimport { type C, type D } from "./c.ts";\nexport * from "./e.ts";
import "./f.ts";\nimport {\n  g,\n  type H,\n} from "fastify";\nconst i = await import("./i.ts");\n// import x from "./comment.ts";\n`;
  const found = importsOf("server/x/y.ts", text);
  assert.deepEqual(found.map(({ target, typeOnly }) => `${target}${typeOnly ? " (type)" : ""}`), [
    "server/x/a.ts", "server/b.ts (type)", "server/x/c.ts (type)", "server/x/e.ts", "server/x/f.ts", "fastify", "server/x/i.ts",
  ]);
});

test("every module belongs to a layer", () => {
  assert.deepEqual(modules.filter(({ path }) => !layerOf(path)).map(({ path }) => path), []);
});

test("no module imports what its layer may not", () => {
  assert.deepEqual(modules.flatMap((module) => breaches(module, layerOf(module.path) as Layer)), []);
});

test("the client imports nothing of the server but its contract, and how a certificate is written", () => {
  const found = modules.filter(({ path }) => path.startsWith("cli/")).flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target.startsWith("server/") && !target.startsWith("server/api/") && !/^server\/https\/(make-certificate|der)\.ts$/.test(target)).map(({ specifier }) => `${path}: ${specifier}`));
  assert.deepEqual(found, []);
});

test("programs are started only where it is allowed", () => {
  const starters = modules.filter(({ imports }) => imports.some(({ target, typeOnly }) => !typeOnly && (target === "node:child_process" || target === "execa")));
  const found = starters.map(({ path }) => path).filter((path) => !Object.keys(mayStartPrograms).some((start) => path.startsWith(start)));
  assert.deepEqual(found, [], `only here: ${Object.entries(mayStartPrograms).map(([path, why]) => `${path} (${why})`).join("; ")}`);
});

test("programs of the server get the environment that was made for them", () => {
  const starters = modules.filter(({ path, text }) => !path.startsWith("cli/") && path !== "server/host/run.ts" && /\bspawn(Sync)?\(/.test(text)
    && text.includes("node:child_process"));
  assert.deepEqual(starters.filter(({ text }) => !/\bchildEnv\(|\benv:/.test(text)).map(({ path }) => path), []);
});
