import assert from "node:assert/strict";
import { test } from "node:test";
import { findCommand, parseArgs } from "../../../cli/args.ts";
import type { Flags } from "../../../cli/command.ts";
import { root } from "../../../cli/commands/index.ts";
import { CliError } from "../../../cli/errors.ts";

const flags = {
  format: { kind: "string", short: "f", default: "table", description: "" },
  force: { kind: "bool", short: "x", description: "" },
  config: { kind: "list", short: "c", description: "" },
  timeout: { kind: "int", default: -1, description: "" },
  console: { kind: "optional", bare: "console", description: "" },
} as const satisfies Flags;
const parse = (words: string, passAfter?: number) => parseArgs(words.split(" ").filter(Boolean), { flags, ...(passAfter ? { passAfter } : {}) });
const fails = (words: string, message: RegExp, hint?: RegExp) =>
  assert.throws(() => parse(words), (error) => error instanceof CliError && message.test(error.message) && (!hint || hint.test(error.hint ?? "")));

test("takes flags before and after the arguments, in every spelling", () => {
  for (const words of ["a b -f json -x -q", "-fjson a -xq b", "--format=json --force a b --quiet", "-xqf=json a b"]) {
    const { values, args } = parse(words);
    assert.deepEqual([values["format"], values["force"], values["quiet"], args], ["json", true, true, ["a", "b"]], words);
  }
});

test("gives defaults, collects lists, and takes a bare optional flag", () => {
  const { values } = parse("-c a=1 --config b=2 --console --timeout -5");
  assert.deepEqual(values["config"], ["a=1", "b=2"]);
  assert.equal(values["format"], "table");
  assert.equal(values["console"], "console");
  assert.equal(values["timeout"], -5);
  assert.equal(parse("--console=vga").values["console"], "vga");
  assert.equal(parse("--force=false").values["force"], false);
});

test("ends at -- and, where a command runs elsewhere, after its first word", () => {
  assert.deepEqual(parse("c1 -- ls -x").args, ["c1", "ls", "-x"]);
  assert.deepEqual(parse("c1 -x ls -la -- y", 2).args, ["c1", "ls", "-la", "--", "y"]);
  assert.equal(parse("c1 -x ls -la", 2).values["force"], true);
  assert.deepEqual(parse("- a").args, ["-", "a"]);
});

test("refuses what it does not know, and says what was meant", () => {
  fails("--formt json", /^unknown flag: --formt$/, /--format/);
  fails("-z", /^unknown shorthand flag: 'z' in -z$/);
  fails("--format", /^flag needs an argument: --format$/);
  fails("-f", /^flag needs an argument: 'f' in -f$/);
  fails("--timeout soon", /^invalid argument "soon" for "--timeout" flag/);
  fails("--force=maybe", /^invalid argument "maybe"/);
  fails("--constructor", /^unknown flag/);
});

test("finds commands in groups, by alias, around global flags", () => {
  assert.deepEqual(findCommand(root, ["--project", "p", "image", "-q", "ls", "-f", "json"]), {
    entry: findCommand(root, ["image", "list"]).entry, path: ["berth", "image", "list"], rest: ["--project", "p", "-q", "-f", "json"],
  });
  assert.throws(() => findCommand(root, ["lst"]), (error) => error instanceof CliError && error.message === 'unknown command "lst" for "berth"' && /"list"/.test(error.hint ?? ""));
  assert.throws(() => findCommand(root, ["image", "constructor"]), /unknown command "constructor" for "berth image"/);
});
