// Tools that fail or are missing, and disks that are full: the error says so in the tool's own words, and nothing is left.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import type { Daemon } from "../helpers/daemon.ts";
import { startWithFakes } from "../helpers/fakes.ts";
import { type BusyboxImages, busyboxImages } from "../helpers/images.ts";
import { act, create, destroy, importImage, launch, sh, statusOf, uploadOf } from "../helpers/instances.ts";
import { mountsOf, remains } from "../helpers/remains.ts";

const prefix = `tool${process.pid}`;
const name = `${prefix}-1`;
let daemon: Daemon;
let images: BusyboxImages;
let fakes: string;

before(async () => {
  images = await busyboxImages();
  ({ daemon, fakes } = await startWithFakes());
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  for (const tool of tools) await repair(tool);
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("storage-pools")), []);
});

const tools = ["lxc-start", "lxc-attach", "dnsmasq", "nft", "tar", "mount", "xz", "setpriv", "ip"];

/** The tool says "boom" and fails from now on. */
function spoil(tool: string): void {
  writeFileSync(`${fakes}/${tool}`, "#!/bin/sh\ncat > /dev/null < /dev/null\necho boom >&2\nexit 1\n");
  chmodSync(`${fakes}/${tool}`, 0o755);
}

/** In its place is a script without an interpreter from now on, which the kernel reports as if there were none. */
async function hide(tool: string): Promise<void> {
  const absent = `${fakes}/absent`;
  writeFileSync(absent, "#!/nonexistent/interpreter\n");
  chmodSync(absent, 0o755);
  const { code, stderr } = await daemon.inNamespace("mount", "--bind", absent, realPath(tool));
  assert.equal(code, 0, stderr);
}

async function repair(tool: string): Promise<void> {
  rmSync(`${fakes}/${tool}`, { force: true });
  const real = realPath(tool);
  while ((await daemon.inNamespace("mountpoint", "-q", real)).code === 0) await daemon.inNamespace("umount", real);
}

/** Where the system has it. */
function realPath(tool: string): string {
  return ["/usr/sbin", "/usr/bin"].map((folder) => `${folder}/${tool}`).find(existsSync) ?? `/usr/bin/${tool}`;
}

for (const [how, harm, words] of [["fails", spoil, /boom/], ["is missing", hide, /lxc-start|not installed|not found/]] as const) {
  test(`a start says why when lxc-start ${how}, and works when it is back`, async () => {
    await importImage(daemon, images.unified, "busybox");
    await create(daemon, name);
    await harm("lxc-start");
    await assert.rejects(act(daemon, name, "start"), words);
    assert.equal(await statusOf(daemon, name), "Stopped");
    assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
    await repair("lxc-start");
    await act(daemon, name, "start");
    assert.equal(await sh(daemon, name, "echo here"), "here");
  });
}

for (const tool of ["tar", "setpriv"]) {
  for (const [how, harm, words] of [["fails", spoil, /boom/], ["is missing", hide, new RegExp(tool)]] as const) {
    test(`a create says why when ${tool} ${how}, leaves nothing, and works when it is back`, async () => {
      await importImage(daemon, images.unified, "busybox");
      await harm(tool);
      await assert.rejects(create(daemon, name), words);
      assert.equal((await daemon.request("GET", `/1.0/instances/${name}`)).status, 404);
      assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
      await repair(tool);
      await launch(daemon, name);
      assert.equal(await sh(daemon, name, "echo here"), "here");
    });
  }
}

test("a create says why when a squashfs cannot be mounted, and works later", async () => {
  await importImage(daemon, images.squashfs, "busybox");
  spoil("mount");
  await assert.rejects(create(daemon, name), /boom/);
  await repair("mount");
  await launch(daemon, name);
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("an upload says why when the decompressor fails", async () => {
  spoil("xz");
  const { body, headers } = uploadOf(images.unified);
  await assert.rejects(daemon.must("POST", "/1.0/images", body, { headers }), /boom/);
});

for (const tool of ["dnsmasq", "nft", "ip"]) {
  for (const [how, harm, words] of [["fails", spoil, /boom/], ["is missing", hide, new RegExp(tool)]] as const) {
    test(`a network says why when ${tool} ${how}, leaves no bridge, and can be made later`, async () => {
      await harm(tool);
      await assert.rejects(daemon.must("POST", "/1.0/networks", { name: "other0", config: { "ipv4.address": "10.99.77.1/24", "ipv6.address": "none" } }), words);
      assert.equal((await daemon.request("GET", "/1.0/networks/other0")).status, 404);
      await repair(tool);
      assert.notEqual((await daemon.inNamespace("test", "-e", "/sys/class/net/other0")).code, 0);
      await daemon.must("POST", "/1.0/networks", { name: "other0", config: { "ipv4.address": "10.99.77.1/24", "ipv6.address": "none" } });
      await daemon.must("DELETE", "/1.0/networks/other0");
    });
  }
}

test("an exec says why when lxc-attach is missing or fails", async () => {
  await importImage(daemon, images.unified, "busybox");
  await launch(daemon, name);
  await hide("lxc-attach");
  assert.notEqual((await daemon.berth("exec", name, "--", "true")).code, 0);
  await repair("lxc-attach");
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("a daemon that starts without dnsmasq serves nevertheless, and gives its networks back when it is there", async () => {
  await daemon.stop();
  process.kill(Number(/^pid: (\d+)$/m.exec(readFileSync(`${daemon.dir}/networks/berthbr0/dnsmasq.pid`, "utf8"))?.[1]), "SIGKILL");
  spoil("dnsmasq");
  await daemon.start();
  await importImage(daemon, images.unified, "busybox");
  await create(daemon, name);
  await destroy(daemon, name);
  await repair("dnsmasq");
  await daemon.restart();
  assert.equal((await daemon.must("GET", "/1.0/networks/berthbr0")).status, "Created");
});
