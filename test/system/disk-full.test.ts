// A full disk: uploads, unpacking and creating fail with a clear error, leave nothing, and work again when there is space.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type BusyboxImages, busyboxImages } from "../helpers/images.ts";
import { create, importImage, launch, sh, uploadOf } from "../helpers/instances.ts";
import { Mirror } from "../helpers/mirror.ts";
import { mountsOf, remains } from "../helpers/remains.ts";

const prefix = `full${process.pid}`;
const name = `${prefix}-1`;
let daemon: Daemon;
let images: BusyboxImages;

before(async () => {
  images = await busyboxImages();
  daemon = await startDaemon({
    prepare: async (one) => {
      for (const folder of ["storage-pools", "images"]) {
        mkdirSync(`${one.dir}/${folder}`, { mode: 0o711 });
        const { code, stderr } = await one.inNamespace("mount", "-t", "tmpfs", "-o", "size=12m,mode=0711", "tmpfs", `${one.dir}/${folder}`);
        assert.equal(code, 0, stderr);
      }
    },
  });
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await free("storage-pools");
  await free("images");
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  assert.deepEqual((await remains(daemon, new RegExp(`^${prefix}`))).filter((path) => !path.includes("ballast")), []);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => /containers|images\/.+/.test(point)), []);
});

/** Leaves only so many KiB on a disk. */
async function fill(folder: string, leave: number): Promise<void> {
  const script = `cd "$0"; cat /dev/zero > ballast 2>/dev/null; truncate -s -${leave}K ballast`;
  await daemon.inNamespace("sh", "-c", script, `${daemon.dir}/${folder}`);
}

const free = (folder: string) => daemon.inNamespace("rm", "-f", `${daemon.dir}/${folder}/ballast`);

/** LXD's clients show the error's text: it names the disk. */
const full = /No space left on the device that holds \S+/;

test("an upload to a full disk says so, and works when there is space", async () => {
  await fill("images", 300);
  for (const files of [images.unified, images.split]) {
    const { body, headers } = uploadOf(files);
    await assert.rejects(daemon.must("POST", "/1.0/images", body, { headers }), full);
  }
  await free("images");
  await importImage(daemon, images.unified, "busybox");
});

for (const kind of ["unified", "split", "squashfs"] as const) {
  for (const leave of [4, 900]) {
    test(`a create from a ${kind} image with ${leave} KiB left says that the disk is full, and works when there is space`, async () => {
      await importImage(daemon, images[kind], "busybox");
      await fill("storage-pools", leave);
      await assert.rejects(create(daemon, name), full);
      assert.equal((await daemon.request("GET", `/1.0/instances/${name}`)).status, 404);
      await free("storage-pools");
      await launch(daemon, name);
      assert.equal(await sh(daemon, name, "echo here"), "here");
    });
  }
}

test("a publication and a download onto a full disk say so, leave nothing, and work when there is space", async () => {
  await importImage(daemon, images.squashfs, "busybox");
  await create(daemon, name);
  await using mirror = await Mirror.start(daemon);
  mirror.list([{ names: "tiny", files: [images.split[0], images.split[1] ?? ""] }]);
  const publish = (compression_algorithm: string) => daemon.must("POST", "/1.0/images", { source: { type: "instance", name }, compression_algorithm });
  const fetch = () => daemon.must("POST", "/1.0/images", { source: { type: "image", server: mirror.url, protocol: "simplestreams", fingerprint: "tiny" } });
  await fill("images", 200);
  for (const algorithm of ["gzip", "none", "xz -0"]) await assert.rejects(publish(algorithm), full, algorithm);
  await assert.rejects(publish("squashfs"), /No space left/);
  await assert.rejects(fetch(), full);
  assert.deepEqual(readdirSync(`${daemon.dir}/images`).filter((entry) => entry.startsWith(".")), []);
  await free("images");
  await publish("gzip");
  await fetch();
});

test("a plain copy that does not fit says that the disk is full, and works when there is space", async () => {
  await importImage(daemon, images.unified, "busybox");
  const devices = { root: { type: "disk", path: "/", pool: "copies" } };
  await create(daemon, `${prefix}-0`, { devices });
  await fill("storage-pools", 700);
  await assert.rejects(create(daemon, name, { devices }), full);
  await free("storage-pools");
  await launch(daemon, name, { devices });
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("a guest that fills its disk is told so, and goes on", async () => {
  await importImage(daemon, images.unified, "busybox");
  await launch(daemon, name);
  const { stderr } = await daemon.berth("exec", name, "--", "sh", "-c", "cat /dev/zero > /big");
  assert.match(stderr, /No space left/);
  await sh(daemon, name, "rm /big; echo back > /small");
  assert.equal(await sh(daemon, name, "cat /small"), "back");
});

test("an instance starts, stops and is deleted on a full disk", async () => {
  await importImage(daemon, images.squashfs, "busybox");
  await create(daemon, name);
  await fill("storage-pools", 0);
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" }).catch((error: Error) => assert.match(error.message, full));
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "stop", force: true }).catch((error: Error) => assert.match(error.message, /already stopped/));
  await daemon.must("DELETE", `/1.0/instances/${name}`);
});

test("a snapshot, a copy and a restore on a full disk fail or succeed as a whole, and a guest goes on", async () => {
  await importImage(daemon, images.unified, "busybox");
  await launch(daemon, name);
  await sh(daemon, name, "dd if=/dev/urandom of=/big bs=1k count=2000 2>/dev/null; echo first > /state");
  const snapshots = async () => (await daemon.must("GET", `/1.0/instances/${name}/snapshots`)).length;
  const snapshot = (snapshotName: string) => daemon.must("POST", `/1.0/instances/${name}/snapshots`, { name: snapshotName });
  await fill("storage-pools", 500);
  await assert.rejects(snapshot("s0"), full);
  await assert.rejects(daemon.must("POST", "/1.0/instances", { name: `${name}c`, source: { type: "copy", source: name } }), full);
  assert.deepEqual([await snapshots(), (await daemon.request("GET", `/1.0/instances/${name}c`)).status], [0, 404]);
  assert.equal(await sh(daemon, name, "cat /state"), "first");
  await free("storage-pools");
  await snapshot("s0");
  await sh(daemon, name, "echo second > /state");
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "stop", force: true });
  await fill("storage-pools", 0);
  const seen = await daemon.must("PUT", `/1.0/instances/${name}`, { restore: "s0" }).then(() => "first", (error: Error) => {
    assert.match(error.message, full);
    return "second";
  });
  await snapshot("s1").catch((error: Error) => assert.match(error.message, full));
  await free("storage-pools");
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" });
  assert.equal(await sh(daemon, name, "cat /state"), seen);
});
