// The client starts fast: measured in processor time beside an empty Node, so that a busy machine does not matter.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Entry, isGroup } from "../../cli/command.ts";
import { root } from "../../cli/commands/index.ts";
import { renderMarkdown } from "../../cli/manpage.ts";
import { berthPath } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";

const rounds = 9;
/** A bundle of certificates in NODE_EXTRA_CA_CERTS costs Node 30 ms: it must not cost the client anything. */
const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };

/** The least processor time of some runs, in seconds, as the shell counts it for its children. */
function cpuOf(...command: string[]): number {
  const measured = Array.from({ length: rounds }, () => {
    const { stderr } = spawnSync("bash", ["-c", "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null 2>/dev/null", "measure", ...command], { env: { ...process.env, NODE_OPTIONS: "", ...env }, encoding: "utf8" });
    return stderr.trim().split(" ").map(Number).reduce((sum, part) => sum + part, 0);
  });
  return Math.min(...measured);
}

test("help takes little more than Node does", () => {
  const node = cpuOf("env", "-u", "NODE_EXTRA_CA_CERTS", process.execPath, "-e", "0");
  const help = cpuOf(berthPath, "--help");
  assert.ok(help < node * 1.6 + 0.005, `help ${help} s, node ${node} s`);
});

test("a list loads nothing that it does not need", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "berth-start-"));
  const answer = '{"type":"sync","metadata":[]}';
  const server = createServer((socket) => socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`)));
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const script = `const run = process.exit; process.exit = (code) => { console.error(process.moduleLoadList.filter((name) => /^NativeModule (crypto|http|https|tls|zlib|child_process)$/.test(name)).join()); run(code); };
    process.argv = [process.argv[0], ${JSON.stringify(berthPath)}, "list"]; require(${JSON.stringify(berthPath)});`;
  writeFileSync(join(folder, "script.cjs"), script);
  const { code, stderr, stdout } = await exec(process.execPath, [join(folder, "script.cjs")], { env: { BERTH_SOCKET: join(folder, "s"), BERTH_CONF: folder, NODE_OPTIONS: "" } });
  assert.deepEqual([code, stderr.trim()], [0, ""]);
  assert.match(stdout, /NAME/);
});

test("the program has all commands, with all that they say of themselves", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "berth-start-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { code } = await exec(berthPath, ["manpage", "--format=md", folder]);
  assert.equal(code, 0);
  const wanted: Record<string, string> = {};
  const add = (entry: Entry, path: string[]) => {
    if (entry.hidden) return;
    wanted[`${path.join("_")}.md`] = renderMarkdown(entry, path);
    if (isGroup(entry)) for (const child of entry.commands) add(child, [...path, child.name]);
  };
  add(root, [root.name]);
  assert.deepEqual(Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")])), wanted);
});
