// What every source file keeps to: size, no shells, a first comment that says what it is for, error codes that are used.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorTable } from "../../server/api/errors.ts";
import { programFolders, root, sources, withoutComments } from "./sources.ts";

const limit = 600;
const generated = /\/generated\//;

const program = sources(programFolders);
const all = [...program, ...sources(["test", "snap"], /\.(tsx?|mjs)$/)];
const files = [...new Map(all.map((source) => [source.path, source])).values()];

test("no file is longer than 600 lines", (t) => {
  assert.ok(files.length > 30, `only ${files.length} files were read`);
  const largest = files.filter(({ path }) => !generated.test(path)).sort((a, b) => b.lines - a.lines);
  for (const { path, lines } of largest.slice(0, 10)) t.diagnostic(`${lines} ${path}`);
  if (process.env["BERTH_SHOW_SIZES"]) console.log(largest.slice(0, 10).map(({ path, lines }) => `${lines} ${path}`).join("\n"));
  assert.deepEqual(largest.filter(({ lines }) => lines > limit).map(({ path, lines }) => `${path}: ${lines} lines`), []);
});

test("every file begins with a comment that says what it is for", () => {
  const others = files.filter(({ path }) => !/\.test\.tsx?$/.test(path)); // the titles of tests say it
  assert.deepEqual(others.filter(({ text }) => !/^(#!.*\n)?(\/\/|\/\*)/.test(text)).map(({ path }) => path), []);
});

/** The value of $EDITOR is a command line by tradition, as with git: the user's own, run with the user's rights. */
const mayUseShell = ["cli/edit.ts"];

test("no program is run through a shell", () => {
  const shell = /\bshell:\s*(true|["'])|\bexec(Sync)?\(\s*`|["'](?:ba)?sh["'],\s*\[\s*["']-c["'],\s*`/;
  assert.deepEqual(files.filter(({ path, text }) => !path.startsWith("test/rules/") && !mayUseShell.includes(path) && shell.test(withoutComments(text))).map(({ path }) => path), []);
});

test("every error code is used", () => {
  const users = program.filter(({ path }) => path !== "server/api/errors.ts").map(({ text }) => text).join("\n");
  assert.deepEqual(Object.keys(errorTable).filter((code) => !users.includes(`"${code}"`)), []);
});

/** Rows of instances and profiles come to be where their project's limits and restrictions are checked. */
const mayInsert: readonly [RegExp, readonly string[]][] = [
  [/\binstances\.insert\(/, ["server/instances/create.ts"]], [/\bprofiles\.insert\(/, ["server/profiles/routes.ts", "server/projects/change.ts"]],
];

test("nothing is made past what its project allows", () => {
  for (const [insert, places] of mayInsert) {
    assert.deepEqual(program.filter(({ text }) => insert.test(withoutComments(text))).map(({ path }) => path).sort(), places);
  }
});

test("the lock file names no registry", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, { resolved?: string }> };
  const entries = Object.entries(lock.packages);
  assert.ok(entries.length > 50, `only ${entries.length} packages were read`);
  assert.deepEqual(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path), []);
});

test("tests lie where the runner looks for them", () => {
  const suites = /^(rules|unit|api|contract|system)\//;
  const names = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  assert.deepEqual(names.filter((name) => /\.test\.\w+$/.test(name) && !(suites.test(name) && /\.test\.tsx?$/.test(name))), []);
});
