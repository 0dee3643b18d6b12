// The client starts fast: measured in processor time beside an empty Node, so that a busy machine does not matter.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { berthPath } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";

const rounds = 12;
/** A bundle of certificates in NODE_EXTRA_CA_CERTS costs Node 30 ms: it must not cost the client anything. */
const certificates = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };

/** Processor time of all children that have ended, in ticks. */
function childrenTicks(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /, "").split(" ");
  return Number(fields[13]) + Number(fields[14]);
}

function ticksOf(command: string, args: string[], more: Record<string, string>): number {
  const before = childrenTicks();
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  spawnSync(command, args, { env: { ...env, NODE_OPTIONS: "", ...more }, stdio: "ignore" });
  return childrenTicks() - before;
}

test("help takes little more than Node does", () => {
  let [node, help] = [0, 0];
  for (let i = 0; i < rounds; i++) {
    node += ticksOf(process.execPath, ["-e", "0"], {});
    help += ticksOf(berthPath, ["--help"], certificates);
  }
  assert.ok(help < node * 1.7 + 2, `${help} ticks for help, ${node} for Node alone`);
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
