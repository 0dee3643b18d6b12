// Completion, aliases and manual pages: all are made of the table of commands.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { expandAlias } from "../../../cli/aliases.ts";
import { runProgram } from "../../../cli/app.ts";
import type { GlobalValues } from "../../../cli/command.ts";
import { root } from "../../../cli/commands/index.ts";
import { findNames } from "../../../cli/completion/names.ts";
import { completionScripts } from "../../../cli/completion/scripts.ts";
import { wantedAt } from "../../../cli/completion/words.ts";
import { createContext } from "../../../cli/context.ts";

const wanted = (...words: string[]) => wantedAt(root, words, ["mine"]);
const names = (...words: string[]) => {
  const found = wanted(...words);
  return found.kind === "names" ? found.of : found.kind;
};
const words = (...typed: string[]) => {
  const found = wanted(...typed);
  return found.kind === "words" ? found.words.map((word) => word.split("\t")[0]) : [];
};

test("knows what can follow", () => {
  assert.ok(["list", "config", "mine"].every((word) => words("").includes(word)));
  assert.ok(!words("").includes("__complete") && !words("").includes("cluster"));
  assert.deepEqual(words("profile", "dev"), words("profile", ""));
  assert.deepEqual([names("start", ""), names("start", "a", ""), names("delete", "-f", ""), names("restore", "c1", "")], ["instance", "instance", "instance", "snapshot"]);
  assert.deepEqual([names("launch", ""), names("launch", "-p", ""), names("launch", "img", "c1", "-s", ""), names("launch", "--network", "x", "")], ["image", "profile", "pool", "image"]);
  assert.deepEqual([names("remote", "switch", ""), names("profile", "assign", "c1", ""), names("file", "push", ""), names("network", "attach", "n", "")], ["remote", "profiles", "files", "instance"]);
  assert.ok(words("list", "-").includes("--columns") && !words("launch", "-").includes("--target"));
  assert.deepEqual(words("list", "--format="), ["--format=table", "--format=csv", "--format=json", "--format=yaml", "--format=compact"]);
  assert.deepEqual(words("list", "-f", "").slice(0, 2), ["table", "csv"]);
});

test("looks names up where the remote is, and gives up silently", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "berth-cli-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = createServer((_request, response) => response.end(JSON.stringify({ type: "sync", metadata: ["/1.0/instances/web-1", "/1.0/instances/web-2?project=x", "/1.0/instances/db"] })));
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
  t.after(() => server.close());
  const ctx = await createContext({ project: "", quiet: true } as GlobalValues, { BERTH_SOCKET: join(folder, "s"), BERTH_CONF: folder });
  assert.deepEqual(await findNames(ctx, "instance", "web", []), ["web-1", "web-2"]);
  assert.deepEqual(await findNames(ctx, "instance", "local:d", []), ["local:db"]);
  assert.deepEqual(await findNames(ctx, "instance", "lo", []), ["local:"]);
  assert.deepEqual(await findNames(ctx, "instance", "images:d", []), []);
  assert.ok((await findNames(ctx, "key", "limits.mem", [])).includes("limits.memory.enforce"));
});

test("bash takes the script, and it offers what the program says", () => {
  const script = `${completionScripts["bash"]}
berth() { printf 'list\\tList\\nlaunch\\tStart\\nweb:\\t\\n'; }
COMP_WORDS=(berth l) COMP_CWORD=1; _berth; echo "\${COMPREPLY[*]}"
berth() { echo :files; }; cd /; COMP_WORDS=(berth file push etc/os-rel) COMP_CWORD=3; _berth; echo "\${COMPREPLY[*]}"`;
  const [first, second] = execFileSync("bash", ["-c", script]).toString().split("\n");
  assert.equal(first, "list launch");
  assert.ok(second?.split(" ").includes("etc/os-release"));
});

test("aliases take arguments as lxc's do", () => {
  const aliases = { ls2: "list -c ns", ps: "exec @ARG1@ -- ps @ARGS@", "image mine": "image list local:", echo: "/bin/echo hi" };
  assert.deepEqual(expandAlias(aliases, ["ls2", "web"]), ["list", "-c", "ns", "web"]);
  assert.deepEqual(expandAlias(aliases, ["--debug", "ps", "c1", "-a", "-b"]), ["--debug", "exec", "c1", "--", "ps", "-a", "-b"]);
  assert.deepEqual(expandAlias(aliases, ["image", "mine", "-f", "csv"]), ["image", "list", "local:", "-f", "csv"]);
  assert.deepEqual([expandAlias(aliases, ["image", "list"]), expandAlias(aliases, ["list"]), expandAlias(aliases, [])], [undefined, undefined, undefined]);
  assert.throws(() => expandAlias(aliases, ["ps"]), /Found alias "ps" references an argument outside the given number/);
});

test("writes a page for every command, which man can read", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "berth-cli-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  assert.equal(await runProgram(["manpage", folder], { BERTH_CONF: folder }), 0);
  const pages = readdirSync(folder);
  assert.ok(pages.length > 120 && pages.includes("berth.config.device.add.1") && !pages.some((name) => name.includes("cluster")));
  assert.match(readFileSync(join(folder, "berth.list.1"), "utf8"), /^\.TH "BERTH\\-LIST" "1"[^]*\.SH OPTIONS\n\.TP\n\.B \\-\\-all\\-projects/);
});
