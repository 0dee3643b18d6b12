import assert from "node:assert/strict";
import { test } from "node:test";
import { findCommand } from "../../../cli/args.ts";
import { type Entry, globalFlags, isGroup } from "../../../cli/command.ts";
import { root } from "../../../cli/commands/index.ts";
import { renderFlags, renderHelp } from "../../../cli/help.ts";

test("lays a command's help out as lxc does", () => {
  const { entry, path } = findCommand(root, ["network", "list"]);
  assert.equal(renderHelp(entry, path), `Description:
  List available networks

Usage:
  berth network list [flags]

Aliases:
  list, ls

Flags:
  -f, --format   Format (csv|json|table|yaml|compact) (default "table")

Global Flags:
      --debug          Show all debug messages
      --force-local    Force using the local unix socket
  -h, --help           Print help
      --project        Override the source project
  -q, --quiet          Don't show progress information
      --sub-commands   Use with help or --help to view sub-commands
  -v, --verbose        Show all information messages
      --version        Print version number
`);
});

test("shows the bare value of an optional flag and hides hidden ones", () => {
  assert.equal(
    renderFlags({ console: { kind: "optional", bare: "console", description: "Attach" }, vm: { kind: "bool", description: "no", hidden: true }, all: { kind: "bool", short: "a", description: "All" } }),
    `-a, --all                   All\n    --console[="console"]   Attach`,
  );
});

test("every command has a summary, and no flag hides a global one", () => {
  const walk = (entry: Entry, path: string[]): void => {
    assert.ok(entry.summary.length > 3, path.join(" "));
    assert.ok(!renderHelp(entry, path).includes("undefined"), path.join(" "));
    if (isGroup(entry)) {
      for (const child of entry.commands) walk(child, [...path, child.name]);
      return;
    }
    const letters = Object.values({ ...globalFlags, ...entry.flags }).flatMap((flag) => (flag as { short?: string }).short ?? []);
    assert.equal(new Set(letters).size, letters.length, `${path.join(" ")}: a letter stands for two flags`);
    for (const name of Object.keys(entry.flags ?? {})) assert.ok(!Object.hasOwn(globalFlags, name), `${path.join(" ")} --${name}`);
  };
  walk(root, ["berth"]);
});
