// Makes dist/berth-client.cache: V8's compiled code of the client, as it is after some common commands. Run by the build, in a process of its own.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import vm from "node:vm";

const [dist] = process.argv.slice(2);
const file = join(dist, "berth-client.js");
const script = new vm.Script(readFileSync(file, "latin1"), { filename: file });
const run = script.runInThisContext();
const require = createRequire(file);

/** Runs one command line, until it wants to end the process. */
function runCommand(...words) {
  process.argv = [process.execPath, file, ...words];
  return new Promise((resolve) => {
    process.exit = resolve;
    run(require, async (name) => require(name), file, dist);
  });
}

const folder = mkdtempSync(join(tmpdir(), "berth-cache-"));
const exit = process.exit;
Object.assign(process.env, { BERTH_SOCKET: join(folder, "s"), BERTH_CONF: folder, BERTH_GLOBAL_CONF: folder });
const answer = '{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":[]}';
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`));
}).listen(join(folder, "s"));
try {
  await runCommand("--help");
  await runCommand("list");
  await runCommand("list", "-f", "json");
  await runCommand("config", "get", "c1", "user.x");
  await runCommand("nonsense");
  await runCommand("exec", "--help");
  await runCommand("start", "--help");
} finally {
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
const target = join(dist, "berth-client.cache");
writeFileSync(`${target}.${process.pid}`, script.createCachedData());
renameSync(`${target}.${process.pid}`, target);
exit(0);
