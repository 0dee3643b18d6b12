// Device nodes of the host's in guests, from their start on, plugged in, and as they come and go.
import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { makeFolder } from "../helpers/folder.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, launch, sh, statusOf } from "../helpers/instances.ts";
import { mountsOf, remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

type Devices = Record<string, Record<string, string>>;

const prefix = `unix${process.pid}`;
let daemon: Daemon;
let folder: string;
let count = 0;
let name: string;

before(async () => {
  daemon = await startDaemon();
  folder = makeFolder();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  next();
});
after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
  next();
});

function next(): void {
  count += 1;
  name = `${prefix}-${count}`;
}

const url = () => `/1.0/instances/${name}`;
const plug = (devices: Devices) => daemon.must("PATCH", url(), { devices });
const mknod = (file: string, kind: string, major: number, minor: number) => daemon.inNamespace("mknod", file, kind, String(major), String(minor));

async function unplug(...names: string[]): Promise<void> {
  const instance = await daemon.must("GET", url());
  await daemon.must("PUT", url(), { ...instance, devices: Object.fromEntries(Object.entries(instance.devices).filter(([device]) => !names.includes(device))) });
}

const zero = { type: "unix-char", source: "/dev/zero", path: "/dev/my/zero", uid: "7", gid: "8", mode: "0640" };

const ways: Record<string, (devices: Devices) => Promise<void>> = {
  "from the start": (devices) => launch(daemon, name, { devices }),
  "plugged in": async (devices) => {
    await launch(daemon, name);
    await plug(devices);
  },
};
for (const [how, bring] of Object.entries(ways)) {
  test(`character devices work in the guest and go again, ${how}`, async () => {
    await bring({ zero, full: { type: "unix-char", path: "/dev/full2", major: "1", minor: "7" } });
    assert.equal(await sh(daemon, name, "stat -c '%F %u:%g %a %t:%T' /dev/my/zero"), "character special file 7:8 640 1:5");
    assert.equal(await sh(daemon, name, "head -c 3 /dev/my/zero | od -An -tx1"), "00 00 00");
    assert.match(await sh(daemon, name, "echo x 2>&1 > /dev/full2 || true"), /No space/);
    await plug({ zero: { ...zero, mode: "0600" } });
    assert.equal(await sh(daemon, name, "stat -c %a /dev/my/zero"), "600");
    await unplug("zero", "full");
    assert.equal(await sh(daemon, name, "ls /dev/my; ls /dev/full2 2>/dev/null || true"), "");
    assert.deepEqual(readdirSync(`${daemon.dir}/devices/${name}`), []);
  });
}

test("block devices are given as they are", async () => {
  await launch(daemon, name, { devices: { loop: { type: "unix-block", source: "/dev/loop7", mode: "0600" } } });
  assert.equal(await sh(daemon, name, "stat -c '%F %a %t:%T' /dev/loop7"), "block special file 600 7:7");
});

test("devices that are missing, of another kind or badly described are refused", async () => {
  await launch(daemon, name);
  const bad: [Record<string, string>, RegExp][] = [
    [{ type: "unix-char" }, /missing the required "source" or "path"/],
    [{ type: "unix-char", path: "/dev/x", major: "1" }, /Both major and minor/],
    [{ type: "unix-char", path: "dev/x" }, /must be absolute/],
    [{ type: "unix-char", source: "/dev/zero", path: "/dev/../etc/x" }, /may not hold/],
    [{ type: "unix-char", path: "/dev/zero", mode: "rw" }, /octal mode/],
    [{ type: "unix-char", path: "/dev/zero", uid: "-1" }, /at least 0/],
    [{ type: "unix-char", source: "/dev/does-not-exist" }, /The required device path doesn't exist: \/dev\/does-not-exist/],
    [{ type: "unix-block", source: "/dev/zero", path: "/dev/z" }, /not a unix-block device/],
    [{ type: "unix-char", source: "/dev/zero", path: "/dev/z", uid: "4000000000" }, /ids that the guest has/],
    [{ type: "usb", vendorid: "xyz" }, /four hexadecimal digits/],
    [{ type: "usb", vendorid: "1234", required: "true" }, /Required USB device not found/],
    [{ type: "unix-hotplug" }, /need "vendorid"/],
    [{ type: "unix-hotplug", vendorid: "1234", required: "true" }, /Required hotplug device not found/],
    [{ type: "gpu" }, /Failed to detect requested GPU device/],
    [{ type: "gpu", gputype: "mig" }, /"mig" is not supported/],
    [{ type: "gpu", pci: "0000:00:02.0", id: "0" }, /cannot be combined/],
  ];
  for (const [device, reason] of bad) await assert.rejects(plug({ zero, bad: device }), reason, JSON.stringify(device));
  assert.deepEqual((await daemon.must("GET", url())).devices, {});
  assert.equal(await sh(daemon, name, "ls /dev/my 2>/dev/null || true"), "");
  await forceStop(daemon, name);
  await plug({ zero, bad: { type: "unix-char", source: "/dev/does-not-exist" } });
  await assert.rejects(act(daemon, name, "start"), /Failed to start device "bad": The required device path doesn't exist/);
  assert.equal(await statusOf(daemon, name), "Stopped");
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
});

test("devices that need not be there do not keep a guest from starting", async () => {
  await launch(daemon, name, { devices: { usb: { type: "usb", vendorid: "1234" }, hotplug: { type: "unix-hotplug", vendorid: "1234" } } });
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("a device that need not be there comes and goes with the host's, also after a restart of the daemon", async () => {
  const source = `${folder}/node`;
  const there = async () => (await sh(daemon, name, "test -c /dev/coming && echo there || ls /dev/coming 2>/dev/null || true"));
  await launch(daemon, name, { devices: { coming: { type: "unix-char", source, path: "/dev/coming", required: "false" } } });
  assert.equal(await there(), "");
  await mknod(source, "c", 1, 5);
  await eventually(async () => (await there()) === "there", { what: "the device is plugged in" });
  rmSync(source);
  await eventually(async () => (await there()) === "", { what: "the device is taken out" });
  await daemon.kill9();
  await mknod(source, "c", 1, 5);
  await daemon.start();
  await eventually(async () => (await there()) === "there", { what: "the device came while no daemon was there" });
  rmSync(source);
  await eventually(async () => (await there()) === "", { what: "the next daemon watches too" });
  writeFileSync(source, "");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await there(), "", "a file in its place is no device");
});

test("the stock client adds and removes device nodes", async () => {
  await create(daemon, name);
  await act(daemon, name, "start");
  const added = await daemon.lxc("config", "device", "add", name, "zero", "unix-char", "source=/dev/zero", "path=/dev/z");
  assert.equal(added.code, 0, added.stderr);
  assert.equal(await sh(daemon, name, "stat -c '%a %t:%T' /dev/z"), "660 1:5");
  const removed = await daemon.lxc("config", "device", "remove", name, "zero");
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(await sh(daemon, name, "ls /dev/z 2>/dev/null || true"), "");
});
