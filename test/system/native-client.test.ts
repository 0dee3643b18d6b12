// The client as one program, which Bun makes: it does what the client does that Node runs, over the socket and TLS, and starts sooner.
// Where Bun cannot be had there is nothing to test.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type ExecOptions, exec, type Result } from "../helpers/exec.ts";
import { importBusybox, launch } from "../helpers/guests.ts";
import { Network } from "../helpers/network.ts";
import { Terminal } from "../helpers/terminal.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const native = `${root}dist/native/berth`;
let daemon: Daemon;
let network: Network;
let isBuilt = false;

before(async () => {
  const { code, stdout, stderr } = await exec(process.execPath, [`${root}snap/build-native.mjs`], { timeout: 110_000 });
  isBuilt = code === 0;
  if (!isBuilt) {
    assert.ok(!existsSync(`${root}node_modules/.berth-bun/${process.platform}-${process.arch}/node_modules/@oven`), stdout + stderr);
    return;
  }
  daemon = await startDaemon();
  network = await Network.open(daemon);
  await importBusybox(daemon);
  await launch(daemon, "one");
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

/** A test that needs the program. */
function natively(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, async (t) => (isBuilt ? run(t) : t.skip("Bun cannot be had here")));
}

const folder = () => dirname(daemon.dir);
const env = () => ({ BERTH_DIR: daemon.dir, BERTH_CONF: `${folder()}/native` });

async function must(options: ExecOptions, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await exec(native, args, { ...options, env: { ...env(), ...options.env } });
  assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

natively("help and lists are those of the other client", async () => {
  for (const args of [["--help"], ["list", "--help"], ["config", "device", "--help"], ["list"], ["list", "-c", "n", "-f", "json"], ["image", "list", "-f", "yaml"], ["query", "/1.0"], ["manpage", `${folder()}/man`]]) {
    assert.equal(await must({}, ...args), await daemon.run(...args), args.join(" "));
  }
});

natively("exec takes input, gives both outputs and the status", async () => {
  const { stdout, stderr, code } = await exec(native, ["exec", "one", "--", "sh", "-c", "cat; echo wrong >&2; exit 7"], { input: "typed", env: env() });
  assert.deepEqual([stdout, stderr, code], ["typed", "wrong\n", 7]);
  const big = await must({}, "exec", "one", "--", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x");
  assert.equal(big.length, 3_000_000);
});

natively("files and trees of them go in and come back", async () => {
  const tree = `${folder()}/tree`;
  mkdirSync(`${tree}/sub`, { recursive: true });
  writeFileSync(`${tree}/sub/large`, "0123456789".repeat(300_000));
  writeFileSync(`${tree}/small`, "x");
  await must({}, "file", "push", `${tree}/sub/large`, "one/root/large");
  assert.equal(await must({}, "file", "pull", "one/root/large", "-"), readFileSync(`${tree}/sub/large`, "utf8"));
  await must({}, "file", "push", "-r", tree, "one/root/");
  await must({}, "file", "pull", "-r", "one/root/tree", `${folder()}/back`);
  assert.deepEqual(["sub/large", "small"].map((name) => readFileSync(`${folder()}/back/tree/${name}`, "utf8").length), [3_000_000, 1]);
});

natively("in a terminal: a shell, the full-screen view with a shell in it, and the terminal as it was", async () => {
  await using terminal = await Terminal.open(daemon, 80, 24);
  await terminal.type(`stty -g > before; ${native} exec one -- sh`);
  await terminal.waitFor(/^~ #$/m);
  await terminal.type("stty size; exit 3");
  await terminal.waitFor(/^24 80$/m);
  await terminal.type(`echo left $?; stty -g | cmp - before && ${native} tui; stty -g | cmp - before && echo same`);
  await terminal.waitFor(/Instances \(1\)[^]*one .*Running/);
  await terminal.press("e");
  await terminal.waitFor(/^~ #$/m);
  await terminal.type("exit");
  await terminal.waitFor(/Instances \(1\)[^]*one .*Running/);
  await terminal.press("q");
  assert.match(await terminal.waitFor(/^same$/m), /^left 3$/m);
});

natively("errors tell what to do", async () => {
  const failing = async (over: Record<string, string>, ...args: string[]): Promise<Result> => exec(native, args, { env: { ...env(), ...over } });
  assert.match((await failing({ BERTH_DIR: "/nonexistent" }, "list")).stderr, /There is no berthd socket at \/nonexistent.*\nHint: /);
  const dead = `${folder()}/dead`;
  spawnSync("python3", ["-c", `import socket; socket.socket(socket.AF_UNIX).bind("${dead}")`]);
  assert.match((await failing({ BERTH_SOCKET: dead }, "list")).stderr, /Nobody answers at/);
  assert.match((await failing({ BERTH_DIR: "/nonexistent" }, "file", "push", "-r", `${folder()}/tree`, "one/root")).stderr, /There is no berthd socket at/);
  assert.match((await failing({}, "info", "noone")).stderr, /Error: /);
  assert.match((await failing({}, "image", "build", "debian/12")).stderr, /berth-images is missing/);
});

natively("a server that hangs up in the middle is told from one that answers", async (t) => {
  const path = `${folder()}/half`;
  const server = createServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  const { code, stderr } = await exec(native, ["list"], { env: { ...env(), BERTH_SOCKET: path } });
  assert.deepEqual([code, /closed the connection before its answer was complete/.test(stderr)], [1, true], stderr);
});

natively("what lies where it is started is not read", async () => {
  const here = `${folder()}/here`;
  mkdirSync(here);
  writeFileSync(`${here}/.env`, "BERTH_DIR=/nonexistent\nBERTH_PROJECT=nonexistent\n");
  writeFileSync(`${here}/bunfig.toml`, 'preload = ["./evil.js"]\n');
  writeFileSync(`${here}/evil.js`, "process.exit(9);\n");
  assert.match(await must({ cwd: here }, "list"), /one/);
});

natively("a remote is added by a token, and used over TLS", async () => {
  const far = async (...args: string[]): Promise<string> => {
    const [command, wrapped] = daemon.namespace.wrap(native, args);
    const { stdout, stderr, code } = await exec(command, wrapped, { input: "typed", env: { BERTH_CONF: `${folder()}/far`, BERTH_DIR: "/nonexistent" } });
    assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr || stdout}`);
    return stdout;
  };
  const token = (await daemon.lxc("config", "trust", "add", "--name", "native")).stdout.trim().split("\n").at(-1) ?? "";
  await far("remote", "add", "home", token);
  assert.equal(await far("list", "home:", "-c", "ns", "-f", "csv"), "one,RUNNING\n");
  assert.equal(await far("exec", "home:one", "--", "cat"), "typed");
  await far("file", "push", "/etc/os-release", "home:one/root/");
  assert.equal(await far("file", "pull", "home:one/root/os-release", "-"), readFileSync("/etc/os-release", "utf8"));
});

natively("a list takes less than half of what it takes with Node", async () => {
  const cpu = (program: string) => {
    const measured = Array.from({ length: 9 }, () => {
      const { stderr } = spawnSync("bash", ["-c", "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null 2>/dev/null", "measure", program, "list"], { env: { ...process.env, ...env() }, encoding: "utf8" });
      return stderr.trim().split(" ").map(Number).reduce((sum, part) => sum + part, 0);
    });
    return Math.min(...measured);
  };
  const [ours, node] = [cpu(native), cpu(berthPath)];
  assert.ok(ours < node / 2 + 0.004, `native ${ours} s, with Node ${node} s`);
});
