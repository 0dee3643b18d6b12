// The daemon as a service: its socket, sockets that are handed to it, its lock, its end.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { startDaemon } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";
import { makeFolder } from "../helpers/folder.ts";
import { Namespace } from "../helpers/namespace.ts";
import { Agent, call } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";
import { openSocket } from "./sockets.ts";

const berthd = fileURLToPath(new URL("../../dist/berthd", import.meta.url));

test("the socket is for root and one group", async () => {
  const known = await exec("getent", ["group", "nogroup"]);
  const gid = Number(known.stdout.split(":")[2]);
  await using daemon = await startDaemon({ init: false, args: ["--group", "nogroup"] });
  const { mode, uid, gid: own } = statSync(daemon.socket);
  assert.deepEqual([mode & 0o777, uid, own], [0o660, 0, gid]);
  assert.equal(statSync(`${daemon.dir}/database`).mode & 0o777, 0o700);
});

test("a group that does not exist is an error that says what to do, and nothing is left running", async () => {
  const folder = makeFolder();
  const namespace = await Namespace.make();
  try {
    const { code, stderr } = await exec(...namespace.wrap(berthd, ["--dir", `${folder}/b`, "--group", "no-such-group"]), { timeout: 20_000 });
    assert.equal(code, 1);
    assert.match(stderr, /There is no group "no-such-group" on this machine \(groupadd no-such-group\)/);
    assert.deepEqual(namespace.family().map(({ command }) => command), []);
  } finally {
    await namespace.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a second daemon on one folder is refused, and the first goes on", async () => {
  await using daemon = await startDaemon({ init: false });
  const { code, stderr } = await daemon.inNamespace(berthd, "--dir", daemon.dir);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Error: Another berthd works in ${daemon.dir} already`));
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
  assert.equal((await daemon.must("GET", "/1.0")).environment.server_pid, daemon.pid);
});

test("SIGTERM ends it within two seconds, whoever is connected, and it comes back on the same folder", async () => {
  await using daemon = await startDaemon({ init: false });
  const agent = new Agent({ keepAlive: true });
  await daemon.request("GET", "/1.0", undefined, { agent });
  const events = await openSocket(daemon, "/1.0/events");
  const closed = once(events, "close");
  const waiting = daemon.request("GET", "/1.0/events").then(() => "answered");
  assert.equal(await waiting, "answered");
  const since = Date.now();
  await daemon.stop();
  assert.ok(Date.now() - since < 2000, `${Date.now() - since} ms`);
  await closed;
  agent.destroy();
  assert.match(daemon.log(), /berthd has stopped/);
  await daemon.start();
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
});

test("a daemon that was killed leaves a socket that the next one replaces", async () => {
  await using daemon = await startDaemon({ init: false });
  await daemon.kill9();
  assert.ok(existsSync(daemon.socket));
  await daemon.start();
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
});

/**
 * Hands a socket over as systemd does: descriptor 3, LISTEN_FDS, and LISTEN_PID of the program itself. It waits
 * for it without a look at the socket, and then tells its exit status and whether the socket is still there.
 */
const launcher = `
const { spawnSync } = require("node:child_process");
const [socket, ...command] = process.argv.slice(1);
const server = require("node:net").createServer().listen(socket, () => {
  const script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"';
  const { status } = spawnSync("sh", ["-c", script, ...command], { stdio: ["ignore", "ignore", "ignore", server._handle.fd] });
  process.stdout.write(JSON.stringify({ status, socket: require("node:fs").existsSync(socket) }));
  process.exit(0);
});`;

test("it serves on a socket that is handed to it", async () => {
  const folder = makeFolder();
  const namespace = await Namespace.make();
  try {
    mkdirSync(`${folder}/b`);
    const socket = `${folder}/given.socket`;
    const ended = exec(...namespace.wrap(process.execPath, ["-e", launcher, socket, berthd, "--dir", `${folder}/b`]), { timeout: 60_000 });
    const reply = await eventually(() => call(socket, "GET", "/1.0", undefined, { timeout: 10_000 }), { timeout: 20_000, what: "it answers" });
    assert.equal(reply.json.metadata.environment.server, "lxd");
    assert.equal(existsSync(`${folder}/b/unix.socket`), false, "it made a socket of its own beside");
    process.kill(reply.json.metadata.environment.server_pid, "SIGTERM");
    assert.deepEqual(JSON.parse((await ended).stdout), { status: 0, socket: true });
  } finally {
    await namespace.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("arguments that are none are refused, and --version and --help need no root", async () => {
  assert.match((await exec(berthd, ["--help"])).stdout, /^berthd: the Berth daemon\n/);
  assert.match((await exec(berthd, ["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  const { code, stderr } = await exec(berthd, ["--colour"]);
  assert.equal(code, 1);
  assert.match(stderr, /Unknown option '--colour'/);
});
