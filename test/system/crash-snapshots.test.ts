// Kills the daemon in the middle of snapshots, restores, copies, moves, renames, rebuilds and deletions: what was is whole, or what was to be.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, launch, sh, statusOf } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const prefix = `ksnap${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
const pools = ["default", "second", "copies"];
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "second", driver: "dir" });
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  for (const pool of pools) await eventually(() => foldersOf(pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(pool)}` });
});

const urlOf = (name: string) => `/1.0/instances/${name}`;
const foldersOf = (pool: string) => ["layers", "snapshots", "trash"].flatMap((folder) => readdirSync(`${daemon.dir}/storage-pools/${pool}/${folder}`));
const exists = async (url: string) => (await daemon.request("GET", url)).status === 200;
const write = (name: string, text: string) => daemon.must("POST", `${urlOf(name)}/files?path=/home/state`, text, { headers: { "content-type": "application/octet-stream" } });
const read = async (name: string) => (await daemon.request("GET", `${urlOf(name)}/files?path=/home/state`)).text;

/** Begins something, kills the daemon after `delay` ms, and starts the next one. */
async function killDuring(delay: number, method: string, url: string, body?: object): Promise<void> {
  const doing = daemon.must(method, url, body).catch(() => {});
  await pause(delay);
  await daemon.kill9();
  await doing;
  await daemon.start();
}

const delays = [1, 8, 20, 45];

async function makeStopped(pool: string): Promise<void> {
  await create(daemon, one, { devices: { root: { type: "disk", path: "/", pool } } });
  await write(one, "first");
  await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "s0" });
  await write(one, "second");
}

for (const pool of ["default", "copies"]) {
  test(`a snapshot of a stopped instance of the pool ${pool} is whole or not there`, async () => {
    await makeStopped(pool);
    for (const delay of delays) {
      await killDuring(delay, "POST", `${urlOf(one)}/snapshots`, { name: `k${delay}` });
      assert.equal(await read(one), "second");
      if (!(await exists(`${urlOf(one)}/snapshots/k${delay}`))) continue;
      await write(one, "other");
      await daemon.must("PUT", urlOf(one), { restore: `k${delay}` });
      assert.equal(await read(one), "second");
    }
  });

  test(`a restore or a rebuild of an instance of the pool ${pool} is done or not`, async () => {
    await makeStopped(pool);
    for (const delay of delays) {
      await write(one, "second");
      await killDuring(delay, "PUT", urlOf(one), { restore: "s0" });
      assert.match(await read(one), /^(first|second)$/);
      await daemon.must("PUT", urlOf(one), { restore: "s0" });
      assert.equal(await read(one), "first");
      await killDuring(delay, "POST", `${urlOf(one)}/rebuild`, { source: { type: "image", alias: "busybox" } });
      assert.ok(["first", ""].includes((await read(one)).replace(/^\{.*/s, "")), await read(one));
      await act(daemon, one, "start");
      await forceStop(daemon, one);
      await daemon.must("PUT", urlOf(one), { restore: "s0" });
      assert.equal(await read(one), "first");
    }
  });

  test(`a copy, a rename and a move of an instance of the pool ${pool} are done or not`, async () => {
    await makeStopped(pool);
    for (const delay of delays) {
      await killDuring(delay, "POST", "/1.0/instances", { name: two, source: { type: "copy", source: one } });
      if (await exists(urlOf(two))) {
        assert.deepEqual([await read(two), (await daemon.must("GET", `${urlOf(two)}/snapshots`)).length], ["second", 1]);
        await daemon.must("DELETE", urlOf(two));
      }
      assert.equal(await read(one), "second");
      await killDuring(delay, "POST", urlOf(one), { name: two });
      assert.notEqual(await exists(urlOf(one)), await exists(urlOf(two)));
      if (await exists(urlOf(two))) await daemon.must("POST", urlOf(two), { name: one });
      assert.equal(await read(one), "second");
      await killDuring(delay, "POST", urlOf(one), { name: one, migration: true, pool: "second" });
      const { devices } = await daemon.must("GET", urlOf(one));
      const [there, other] = devices.root.pool === "second" ? ["second", pool] : [pool, "second"];
      assert.deepEqual([there, other].map((one_) => existsSync(`${daemon.dir}/storage-pools/${one_}/containers/${one}`)), [true, false]);
      assert.equal(await read(one), "second");
      if (there === "second") await daemon.must("POST", urlOf(one), { name: one, migration: true, pool });
      await daemon.must("PUT", urlOf(one), { restore: "s0" });
      assert.equal(await read(one), "first");
      await write(one, "second");
    }
  });
}

test("a guest that was held still for a snapshot goes on, whatever becomes of the daemon", async () => {
  await launch(daemon, one);
  await sh(daemon, one, "mkdir /home/many; i=0; while [ $i -lt 3000 ]; do echo $i > /home/many/$i; i=$((i+1)); done");
  for (const delay of [10, 30, 60, 100, 150]) {
    await killDuring(delay, "POST", `${urlOf(one)}/snapshots`, { name: `k${delay}` });
    assert.equal(await statusOf(daemon, one), "Running");
    assert.equal(await sh(daemon, one, "ls /home/many | wc -l"), "3000");
  }
});

test("snapshots and instances whose deletion was interrupted leave nothing", async () => {
  for (const delay of delays) {
    await makeStopped("default");
    await killDuring(delay, "DELETE", `${urlOf(one)}/snapshots/s0`);
    assert.equal(await read(one), "second");
    await killDuring(delay, "DELETE", urlOf(one));
    if (await exists(urlOf(one))) await daemon.must("DELETE", urlOf(one));
  }
});
