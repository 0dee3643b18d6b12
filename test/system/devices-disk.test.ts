// Disks beside the root: files and folders of the host's in guests, from their start on and plugged in while they run.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { makeFolder } from "../helpers/folder.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, initOf, launch, remove, sh, statusOf } from "../helpers/instances.ts";
import { mountsOf, remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

type Devices = Record<string, Record<string, string>>;

const prefix = `disk${process.pid}`;
let daemon: Daemon;
let base: string;
let folder: string;
let count = 0;
let name: string;

before(async () => {
  daemon = await startDaemon();
  base = makeFolder();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  next();
});
after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(base, { recursive: true, force: true });
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
  folder = `${base}/${count}`;
  mkdirSync(folder);
  writeFileSync(`${folder}/hello`, "hello\n");
}

const url = () => `/1.0/instances/${name}`;
const data = (options: Record<string, string> = {}): Devices => ({ data: { type: "disk", source: folder, path: "/data", ...options } });
const devicesNow = async (): Promise<Devices> => (await daemon.must("GET", url())).devices;
const plug = (devices: Devices) => daemon.must("PATCH", url(), { devices });

async function unplug(...names: string[]): Promise<void> {
  const instance = await daemon.must("GET", url());
  const devices = Object.fromEntries(Object.entries(instance.devices).filter(([device]) => !names.includes(device)));
  await daemon.must("PUT", url(), { ...instance, devices });
}

const isMounted = async (target: string) => (await sh(daemon, name, `grep -c ' ${target} ' /proc/self/mounts || true`)) !== "0";

/** Both ways a disk comes to a guest. */
const ways: Record<string, (devices: Devices) => Promise<void>> = {
  "from the start": (devices) => launch(daemon, name, { devices }),
  "plugged in": async (devices) => {
    await launch(daemon, name);
    await plug(devices);
  },
};

for (const [how, bring] of Object.entries(ways)) {
  test(`a folder of the host's is in the guest, ${how}`, async () => {
    chmodSync(folder, 0o777);
    await bring(data());
    assert.equal(await sh(daemon, name, "cat /data/hello"), "hello");
    await sh(daemon, name, "echo guest > /data/new");
    assert.equal(readFileSync(`${folder}/new`, "utf8"), "guest\n");
    assert.equal(await sh(daemon, name, "stat -c %u /data/hello"), "65534");
    await unplug("data");
    assert.equal(await isMounted("/data"), false);
    assert.equal(await sh(daemon, name, "ls /data"), "");
    assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
  });

  test(`the guest's root cannot make a read-only disk writable, ${how}`, async () => {
    chmodSync(folder, 0o777);
    await bring(data({ readonly: "true" }));
    assert.equal(await sh(daemon, name, "cat /data/hello"), "hello");
    assert.match(await sh(daemon, name, "echo x 2>&1 > /data/new || true"), /Read-only/);
    assert.match(await sh(daemon, name, "mount -o remount,bind,rw /data 2>&1 || true"), /ermitted|denied/);
    assert.match(await sh(daemon, name, "echo x 2>&1 > /data/new || true"), /Read-only/);
    assert.equal(existsSync(`${folder}/new`), false);
  });

  test(`a shifted disk's owners are the guest's, ${how}`, async () => {
    chownSync(`${folder}/hello`, 0, 33);
    await bring(data({ shift: "true" }));
    assert.equal(await sh(daemon, name, "stat -c %u:%g /data/hello"), "0:33");
    await sh(daemon, name, "echo guest > /data/new; chown 5:6 /data/new");
    const { uid, gid } = statSync(`${folder}/new`);
    assert.deepEqual([uid, gid], [5, 6]);
  });

  test(`a single file and a socket can be disks, ${how}`, async () => {
    const server = createServer((socket) => socket.end("from the host\n"));
    await new Promise<void>((resolve) => server.listen(`${folder}/socket`, resolve));
    chmodSync(`${folder}/socket`, 0o666);
    try {
      await bring({
        one: { type: "disk", source: `${folder}/hello`, path: "/etc/hello" }, two: { type: "disk", source: `${folder}/socket`, path: "/run/some/socket" },
      });
      assert.equal(await sh(daemon, name, "cat /etc/hello"), "hello");
      assert.equal(await sh(daemon, name, "test -S /run/some/socket && echo socket"), "socket");
    } finally {
      server.close();
    }
    await unplug("one", "two");
    assert.equal(await sh(daemon, name, "cat /etc/hello; ls -l /run/some/socket | cut -c1"), "-");
  });
}
