// The size of root disks: a guest cannot write more in a btrfs pool, whatever is done to it; a folder's pool says that it cannot tell.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, forceStop, importImage, launch, sh } from "../helpers/instances.ts";

const MiB = 2 ** 20;
const url = "/1.0/instances/size-1";
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "limited", driver: "btrfs", config: { size: "600MiB" } });
});
after(() => daemon?.[Symbol.asyncDispose]());

const root = (size?: string, pool = "limited") => ({ devices: { root: { type: "disk", path: "/", pool, ...(size ? { size } : {}) } } });
const setSize = (size?: string) => daemon.must("PATCH", url, root(size));

/** Writes until it may no more: how much of a file there is then, in MiB, and what was said. */
async function fill(file: string, most = 200): Promise<[written: number, words: string]> {
  const words = await sh(daemon, "size-1", `dd if=/dev/zero of=/root/${file} bs=1M count=${most} 2>&1; sync`);
  return [Math.round(Number(await sh(daemon, "size-1", `stat -c %s /root/${file}`)) / MiB), words];
}
const near = (found: number, wanted: number) => assert.ok(found > wanted - 12 && found <= wanted, `${found} MiB where about ${wanted} were expected`);

test("a guest meets the limit, and a larger one holds at once", async () => {
  await launch(daemon, "size-1", root("60MiB"));
  const [written, words] = await fill("a");
  near(written, 60);
  assert.match(words, /quota exceeded|No space/);
  await sh(daemon, "size-1", "rm /root/a");
  await setSize("100MiB");
  near((await fill("a"))[0], 100);
});

test("a limit below what is there is refused with how much that is, and the old one holds", async () => {
  await assert.rejects(setSize("50MiB"), /The root disk holds (9|10)\d{7} bytes already, more than 52428800/);
  const { devices } = await daemon.must("GET", url);
  assert.equal(devices.root.size, "100MiB");
  await sh(daemon, "size-1", "rm /root/a");
  near((await fill("a"))[0], 100);
});

test("the limit holds over a new start, a stopped snapshot, going back and a new daemon", async () => {
  await sh(daemon, "size-1", "rm /root/a; sync; dd if=/dev/zero of=/root/a bs=1M count=40 2>/dev/null; sync");
  await forceStop(daemon, "size-1");
  await daemon.must("POST", `${url}/snapshots`, { name: "s0" });
  await daemon.restart();
  await act(daemon, "size-1", "start");
  near((await fill("more"))[0], 60);
  await forceStop(daemon, "size-1");
  await daemon.must("PUT", url, { restore: "s0" });
  await act(daemon, "size-1", "start");
  near((await fill("more"))[0], 60);
});

test("without a size nothing is limited any more", async () => {
  await setSize();
  near((await fill("large", 150))[0], 150);
});

test("pools tell whether they limit root disks", async () => {
  const config = async (name: string) => (await daemon.must("GET", `/1.0/storage-pools/${name}`)).config;
  assert.equal((await config("limited"))["volatile.quota"], "subvolumes");
  const folder = await config("default");
  assert.deepEqual([folder["volatile.quota"], /btrfs/.test(folder["volatile.quota.reason"])], ["none", true]);
  await launch(daemon, "size-2", root("20MiB", "default"));
  assert.match(daemon.log(), /the size of a root disk is kept but does not limit it/);
});
