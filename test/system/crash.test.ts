// Kills the daemon in every moment of a launch: the next one has the instance whole or not at all, and nothing half-made.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { create, destroy, importImage, instanceOf, launch, sh, statusOf } from "../helpers/instances.ts";
import { busyboxImages, type BusyboxImages, type ImageFiles } from "../helpers/images.ts";
import { runId } from "../helpers/folder.ts";
import { loopFiles, mountsOf, remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const prefix = `kill${process.pid}`;
const ours = new RegExp(`^${prefix}`);
let daemon: Daemon;
let images: BusyboxImages;
let large: string;
let work: string;

before(async () => {
  daemon = await startDaemon();
  images = await busyboxImages();
  work = mkdtempSync(`/tmp/berth-test-${runId}-crash-`);
  large = await makeLarge();
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
});

/** The small image with so many files that unpacking takes a while. */
async function makeLarge(): Promise<string> {
  await execOk("tar", ["-xf", images.unified[0], "-C", work]);
  for (let folder = 0; folder < 20; folder++) {
    mkdirSync(`${work}/rootfs/usr/share/many/${folder}`, { recursive: true });
    for (let file = 0; file < 100; file++) writeFileSync(`${work}/rootfs/usr/share/many/${folder}/${file}`, `${file}\n`);
  }
  await execOk("tar", ["-cf", `${work}/large.tar`, "-C", work, "metadata.yaml", "templates", "rootfs"]);
  return `${work}/large.tar`;
}

/** As a client does it, until the daemon is gone. */
async function tryLaunch(name: string, options: object): Promise<void> {
  await launch(daemon, name, options).catch(() => {});
}

/** Nothing is left of what was half-made, and nobody goes on making it. */
async function assertClean(): Promise<void> {
  await eventually(async () => {
    const left = await remains(daemon, ours);
    if (left.length > 0) throw new Error(left.join("\n"));
    return true;
  }, { timeout: 3000, what: "nothing half-made is left" });
  const workers = daemon.namespace.family().filter(({ command }) => /^(tar|setpriv|nsenter|unsquashfs|mount|lxc-start) /.test(command));
  assert.deepEqual(workers, []);
}

async function killDuring(delay: number, name: string, options: object): Promise<string> {
  const launching = tryLaunch(name, options);
  await pause(delay);
  await daemon.kill9();
  await launching;
  await daemon.start();
  const reply = await daemon.request("GET", `/1.0/instances/${name}`);
  await assertClean();
  if (reply.status === 404) {
    await launch(daemon, name, options);
    assert.equal(await sh(daemon, name, "echo here"), "here");
    await destroy(daemon, name);
    return "gone";
  }
  const status = await statusOf(daemon, name);
  if (status === "Stopped") await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" });
  assert.equal(await sh(daemon, name, "cat /etc/hostname"), name);
  const { config } = await daemon.must("GET", `/1.0/instances/${name}`);
  assert.ok((await daemon.inNamespace("test", "-e", `/sys/class/net/${config["volatile.eth0.host_name"]}`)).code === 0, "its card is the one it says");
  await destroy(daemon, name);
  return status;
}

async function forget(fingerprint: string): Promise<void> {
  await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
}

function* delays(last: number, step: number): Generator<number> {
  for (let delay = 0; delay <= last; delay += step) yield delay;
}

test("an instance of an image that was used before is whole or not there, whenever the daemon is killed", async () => {
  const fingerprint = await importImage(daemon, images.unified, "busybox");
  await create(daemon, `${prefix}-0`);
  await destroy(daemon, `${prefix}-0`);
  const seen = new Set<string>();
  for (const delay of delays(150, 10)) seen.add(await killDuring(delay, `${prefix}-u${delay}`, {}));
  assert.ok(seen.size > 1, `all kills fell into one moment: ${[...seen]}`);
  await forget(fingerprint);
  await assertClean();
});

const first: [string, () => ImageFiles, number][] = [
  ["tarball", () => images.unified, 20], ["squashfs", () => images.squashfs, 15], ["tarball of many files", () => [large], 30],
];
for (const [kind, files, step] of first) {
  test(`the first instance of a ${kind} is whole or not there, whenever the daemon is killed`, async () => {
    for (const delay of delays(150, step)) {
      const fingerprint = await importImage(daemon, files(), "busybox");
      await killDuring(delay, `${prefix}-f${delay}`, {});
      await forget(fingerprint);
    }
    await assertClean();
    assert.deepEqual(loopFiles(daemon), []);
    assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("storage-pools")), []);
  });
}

test("an instance in a pool of plain copies is whole or not there, whenever the daemon is killed", async () => {
  const fingerprint = await importImage(daemon, [large], "busybox");
  const devices = { root: { type: "disk", path: "/", pool: "copies" } };
  for (const delay of delays(320, 80)) await killDuring(delay, `${prefix}-c${delay}`, { devices });
  await forget(fingerprint);
  await assertClean();
});

test("a delete that the daemon did not survive is finished by the next one", async () => {
  const fingerprint = await importImage(daemon, images.squashfs, "busybox");
  for (const delay of delays(40, 8)) {
    const name = `${prefix}-d${delay}`;
    await create(daemon, name);
    const deleting = daemon.must("DELETE", `/1.0/instances/${name}`).catch(() => {});
    await pause(delay);
    await daemon.kill9();
    await deleting;
    await daemon.start();
    if ((await daemon.request("GET", `/1.0/instances/${name}`)).status === 200) await destroy(daemon, name);
    await assertClean();
  }
  await forget(fingerprint);
});

test("an upload that the daemon did not survive leaves nothing, and can be repeated", async () => {
  for (const delay of delays(40, 8)) {
    const importing = importImage(daemon, images.split, "half").catch(() => {});
    await pause(delay);
    await daemon.kill9();
    await importing;
    await daemon.start();
    await assertClean();
    const known: string[] = await daemon.must("GET", "/1.0/images");
    for (const url of known) await daemon.must("DELETE", url);
    await forget(await importImage(daemon, images.split, "half").catch(async () => {
      await daemon.must("DELETE", "/1.0/images/aliases/half");
      return importImage(daemon, images.split, "half");
    }));
    assert.equal((await daemon.request("POST", "/1.0/instances", instanceOf("none", { alias: "half" }))).status, 404);
  }
});
