// The daemon is restarted while launches are under way, as an upgrade does it: they are finished, or undone and repeated; what runs goes on.
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import type { Daemon } from "../helpers/daemon.ts";
import { startWithFakes } from "../helpers/fakes.ts";
import { busyboxImages } from "../helpers/images.ts";
import { importImage, initOf, launch, sh, statusOf } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `up${process.pid}`;
const [running, first, second] = [`${prefix}-r`, `${prefix}-1`, `${prefix}-2`];
let daemon: Daemon;
let fakes: string;
let pools = 0;

before(async () => {
  ({ daemon, fakes } = await startWithFakes());
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, running);
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  release();
  if (!daemon.running) await daemon.start();
  for (const name of [first, second]) await daemon.berth("delete", "--force", name);
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

/** From now on a tool waits when it is started, until it is released. It finds nothing by its PATH. */
function hold(tool: string): void {
  release();
  const real = ["/usr/sbin", "/usr/bin"].map((folder) => `${folder}/${tool}`).find(existsSync);
  writeFileSync(`${fakes}/held`, "");
  writeFileSync(`${fakes}/${tool}`, `#!/bin/sh\n: > ${fakes}/waits\nwhile [ -e ${fakes}/held ]; do /bin/sleep 0.05; done\nexec ${real} "$@"\n`, { mode: 0o755 });
}

function release(): void {
  for (const name of ["held", "waits", "tar", "lxc-start"]) rmSync(`${fakes}/${name}`, { force: true });
}

const waits = () => eventually(() => existsSync(`${fakes}/waits`), { what: "the tool waits" });
const ended = () => eventually(() => !daemon.running, { what: "the daemon has ended", timeout: 20_000 });

/** A pool that has not unpacked the image yet. */
async function newPool(): Promise<string> {
  const name = `p${++pools}`;
  await daemon.run("storage", "create", name, "dir");
  return name;
}

/** Asks the daemon to end, as systemd does, and waits until it has begun to. */
async function askToEnd(): Promise<void> {
  process.kill(daemon.pid, "SIGTERM");
  await eventually(async () => /shutting down/.test((await daemon.berth("init", "busybox", second)).stderr), { what: "the daemon takes nothing more" });
}

test("an instance whose image is being unpacked is finished, and started by the next daemon", async () => {
  const [pool, init] = [await newPool(), await initOf(daemon, running)];
  hold("tar");
  const launched = daemon.berth("launch", "busybox", first, "-s", pool);
  await waits();
  await askToEnd();
  assert.ok(daemon.running);
  release();
  await ended();
  await daemon.start();
  const { code, stderr } = await launched;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /The server is being restarted: up\d+-1 is started when it is back/);
  assert.equal(await sh(daemon, first, "echo whole"), "whole");
  assert.equal(await initOf(daemon, running), init);
  assert.equal((await daemon.request("GET", `/1.0/instances/${second}`)).status, 404);
});

test("a start is waited for, and the guest is known to the next daemon", async () => {
  const init = await initOf(daemon, running);
  hold("lxc-start");
  const launched = daemon.berth("launch", "busybox", first);
  await waits();
  await askToEnd();
  release();
  const { code, stderr } = await launched;
  assert.equal(code, 0, stderr);
  await ended();
  await daemon.start();
  assert.equal(await statusOf(daemon, first), "Running");
  assert.equal(await sh(daemon, first, "echo whole"), "whole");
  assert.equal(await initOf(daemon, running), init);
});

test("what takes longer than core.shutdown_timeout is undone by the next daemon, and the client is told", async () => {
  const pool = await newPool();
  await daemon.run("config", "set", "core.shutdown_timeout=0");
  hold("tar");
  const launched = daemon.berth("launch", "busybox", first, "-s", pool);
  await waits();
  await daemon.stop();
  release();
  const { code, stderr } = await launched;
  await daemon.start();
  await daemon.run("config", "unset", "core.shutdown_timeout");
  assert.equal(code, 1);
  assert.match(stderr, /closed the connection before its answer was complete\nHint: /);
  assert.equal((await daemon.request("GET", `/1.0/instances/${first}`)).status, 404);
  await daemon.run("launch", "busybox", first, "-s", pool);
  assert.equal(await sh(daemon, first, "echo whole"), "whole");
});
