// Disks beside the root: files and folders of the host's in guests, from their start on and plugged in while they run.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
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

test("a disk that is removed or deleted with its instance keeps its files", async () => {
  await launch(daemon, name, { devices: data({ shift: "true" }) });
  await plug({ more: { type: "disk", source: folder, path: "/more" } });
  await forceStop(daemon, name);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
  await remove(daemon, name);
  assert.deepEqual(readdirSync(folder), ["hello"]);
});

test("an instance whose folder holds mounts of a daemon that was killed is deleted without touching them", async () => {
  await create(daemon, name);
  const place = `${daemon.dir}/devices/${name}/left`;
  await daemon.inNamespace("mkdir", place);
  await daemon.inNamespace("mount", "--bind", folder, place);
  await remove(daemon, name);
  assert.deepEqual(readdirSync(folder), ["hello"]);
});

test("a path through links of the guest's stays inside it, from the start and plugged in", async () => {
  const outside = `${base}/outside${count}`;
  mkdirSync(outside);
  chmodSync(outside, 0o777);
  await launch(daemon, name);
  await sh(daemon, name, `mkdir /real; ln -s ../../../../../../real /up; ln -s ${outside} /zout; ln -s /nowhere /broken`);
  await plug({ up: { type: "disk", source: folder, path: "/up/deep" }, out: { type: "disk", source: folder, path: "/zout" } }).then(
    () => assert.fail("a link that leads nowhere in the guest was followed"),
    (error) => assert.match(error.message, /Failed to start device "out": .*link that leads nowhere/),
  );
  assert.equal(await sh(daemon, name, "ls /real/deep"), "", "the disk that went well is taken back");
  assert.equal((await daemon.must("GET", url())).devices["up"], undefined);
  await plug({ up: { type: "disk", source: folder, path: "/up/deep" } });
  assert.equal(await sh(daemon, name, "cat /real/deep/hello"), "hello");
  await assert.rejects(plug({ self: { type: "disk", source: folder, path: "/proc/self/root/etc/x" } }), /Failed to start device "self"/);
  await forceStop(daemon, name);
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "cat /real/deep/hello"), "hello");
  await forceStop(daemon, name);
  await daemon.must("PATCH", url(), { devices: { out: { type: "disk", source: folder, path: "/broken/x" } } });
  await assert.rejects(act(daemon, name, "start"), /Failed to start device "out": \/broken\/x leads through a link/);
  assert.deepEqual(readdirSync(outside), []);
});

test("a link that a guest put into a shared folder leads no later start out of it", async () => {
  chmodSync(folder, 0o777);
  await launch(daemon, name, { devices: data() });
  await sh(daemon, name, "ln -s /etc /data/link");
  await forceStop(daemon, name);
  await plug({ inner: { type: "disk", source: folder, path: "/data/link/x" } });
  await assert.rejects(act(daemon, name, "start"), /Failed to start device "inner": \/data\/link\/x leads through a link/);
  assert.equal(await statusOf(daemon, name), "Stopped");
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
});

test("a guest cannot have folders made where it may make none", async () => {
  const closed = `${folder}/closed`;
  mkdirSync(closed, { mode: 0o755 });
  chmodSync(folder, 0o755);
  await launch(daemon, name, { devices: data() });
  await sh(daemon, name, "ln -s /data/closed /trap");
  await assert.rejects(plug({ deep: { type: "disk", source: folder, path: "/trap/made" } }), /Failed to start device "deep": the guest may not make \/trap\/made/);
  assert.deepEqual(readdirSync(closed), []);
});

const bad: Record<string, [options: Record<string, string>, reason: RegExp]> = {
  "no source": [{ path: "/data" }, /require the "source" property/],
  "a relative source": [{ source: "data", path: "/data" }, /Source path must be absolute/],
  "a relative path": [{ source: "/srv", path: "data" }, /must be absolute/],
  "a path with ..": [{ source: "/srv", path: "/data/../../x" }, /may not hold "\.\."/],
  "the path /proc": [{ source: "/srv", path: "//proc/" }, /cannot be \/proc/],
  "a line break": [{ source: "/srv\nlxc.hook.start = x", path: "/data" }, /line break/],
  "a custom volume": [{ pool: "default", source: "vol", path: "/data" }, /"vol" of pool "default".*not supported/],
  "a ceph volume": [{ source: "ceph:pool/vol", path: "/data" }, /"ceph:" are not supported/],
  "a strange propagation": [{ source: "/srv", path: "/data", propagation: "all" }, /expected one of private/],
  "a strange limit": [{ source: "/srv", path: "/data", "limits.read": "fast" }, /10MB/],
  "an unknown option": [{ source: "/srv", path: "/data", readnly: "true" }, /did you mean "readonly"/],
};

test("disks that cannot be are refused with a reason, and nothing changes", async () => {
  await create(daemon, name);
  for (const [what, [options, reason]] of Object.entries(bad)) {
    await assert.rejects(plug({ bad: { type: "disk", ...options } }), reason, what);
  }
  for (const type of ["infiniband", "tpm", "pci"]) await assert.rejects(plug({ bad: { type, path: "/x" } }), new RegExp(`"${type}" are not supported`));
  assert.deepEqual((await daemon.must("GET", url())).devices, {});
});

test("a disk that fails keeps the guest from starting, and a hot-plug from changing anything", async () => {
  const folderToGo = `${folder}/going`;
  mkdirSync(folderToGo);
  const going = { bad: { type: "disk", source: folderToGo, path: "/bad" } };
  const strange = { bad: { ...going.bad, "raw.mount.options": "nosuch" } };
  await launch(daemon, name);
  await assert.rejects(plug({ ...data(), ...strange }), /Failed to start device "bad": .*nosuch/);
  assert.equal(await isMounted("/data"), false);
  assert.deepEqual((await daemon.must("GET", url())).devices, {});
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
  await forceStop(daemon, name);
  await plug({ ...data(), ...going });
  rmdirSync(folderToGo);
  await assert.rejects(act(daemon, name, "start"), /Failed to start device "bad": Missing source path/);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("/devices/")), []);
  await daemon.must("PATCH", url(), { config: { "user.a": "still to be changed" } });
});

test("a source that need not be there comes to the guest when it appears", async () => {
  await launch(daemon, name, { devices: { late: { type: "disk", source: `${folder}/a/b`, path: "/late", required: "false" } } });
  assert.equal(await sh(daemon, name, "ls /late 2>&1 || true").then((text) => /No such/.test(text)), true);
  mkdirSync(`${folder}/a/b`, { recursive: true });
  writeFileSync(`${folder}/a/b/here`, "");
  await eventually(async () => (await sh(daemon, name, "ls /late 2>/dev/null || true")) === "here", { what: "the disk is plugged in" });
});

test("names with odd characters are mounted as they are", async () => {
  const odd = `${folder}/a b\\c "d" #é%2F`;
  mkdirSync(odd);
  writeFileSync(`${odd}/in`, "odd\n");
  const device = { "x.y-z": { type: "disk", source: odd, path: "/srv/a b\\c 'd' é%2F" } };
  await launch(daemon, name, { devices: device });
  const see = () => daemon.run("exec", name, "--", "cat", "/srv/a b\\c 'd' é%2F/in");
  assert.equal(await see(), "odd\n");
  await unplug("x.y-z");
  await plug(device);
  assert.equal(await see(), "odd\n");
});

test("a tmpfs has its size, owner and mode, and can grow", async () => {
  const tmpfs = { type: "disk", source: "tmpfs:", path: "/scratch", size: "4MiB", "initial.uid": "7", "initial.mode": "0750" };
  await launch(daemon, name, { devices: { tmpfs } });
  assert.equal(await sh(daemon, name, "df -k /scratch | awk 'END { print $2 }'; stat -c '%u %a' /scratch"), "4096\n7 750");
  await sh(daemon, name, "echo kept > /scratch/file");
  await plug({ tmpfs: { ...tmpfs, size: "8MiB" } });
  assert.equal(await sh(daemon, name, "df -k /scratch | awk 'END { print $2 }'; cat /scratch/file"), "8192\nkept");
  await sh(daemon, name, "mount -o remount,size=64m /scratch || true");
  assert.equal(await sh(daemon, name, "df -k /scratch | awk 'END { print $2 }'"), "8192");
});

test("the file system of a block device is mounted", async () => {
  const image = `${folder}/image`;
  await execOk("truncate", ["-s", "16M", image]);
  await execOk("mkfs.ext4", ["-q", image]);
  const loop = (await execOk("losetup", ["--find", "--show", image])).trim();
  try {
    await launch(daemon, name, { devices: { block: { type: "disk", source: loop, path: "/block", shift: "true" } } });
    assert.match(await sh(daemon, name, "echo data > /block/file; ls /block"), /file\nlost\+found/);
    await unplug("block");
    await plug({ block: { type: "disk", source: loop, path: "/block", readonly: "true", "raw.mount.options": "noexec,noload" } });
    assert.equal(await sh(daemon, name, "cat /block/file"), "data");
    assert.match(await sh(daemon, name, "grep ' /block ' /proc/self/mounts"), /ext4 ro,.*noexec/);
    await assert.rejects(plug({ same: { type: "disk", source: folder, path: "/same", "raw.mount.options": "noload" } }), /"noload", which is no option of a mount/);
  } finally {
    await forceStop(daemon, name).catch(() => {});
    await execOk("losetup", ["--detach", loop]);
  }
});

test("a file system that cannot map owners is named", async () => {
  await launch(daemon, name);
  await assert.rejects(plug({ proc: { type: "disk", source: "/proc/sys", path: "/x", shift: "true" } }), /"shift" needs idmapped mounts, which the file system of \/proc\/sys \(proc\)/);
});

test("what is mounted below the source is seen as recursive and propagation say", async () => {
  mkdirSync(`${folder}/sub`);
  await daemon.inNamespace("mount", "--bind", folder, folder);
  await daemon.inNamespace("mount", "--make-shared", folder);
  await daemon.inNamespace("mount", "-t", "tmpfs", "one", `${folder}/sub`);
  await daemon.inNamespace("touch", `${folder}/sub/first`);
  await launch(daemon, name, { devices: { flat: { type: "disk", source: folder, path: "/flat" }, deep: { type: "disk", source: folder, path: "/deep", recursive: "true", readonly: "true" } } });
  await plug({ slave: { type: "disk", source: folder, path: "/slave", recursive: "true", propagation: "rslave" } });
  assert.equal(await sh(daemon, name, "ls /flat/sub; echo -; ls /deep/sub; echo -; ls /slave/sub"), "-\nfirst\n-\nfirst");
  assert.match(await sh(daemon, name, "touch /deep/sub/x 2>&1 || true"), /Read-only/);
  mkdirSync(`${folder}/late`);
  await daemon.inNamespace("mount", "-t", "tmpfs", "two", `${folder}/late`);
  await daemon.inNamespace("touch", `${folder}/late/second`);
  assert.equal(await sh(daemon, name, "ls /flat/late; echo -; ls /deep/late; echo -; ls /slave/late"), "-\n-\nsecond");
  await forceStop(daemon, name);
  await daemon.inNamespace("umount", "-R", folder);
});

test("limits are the cgroup's throttles, change while it runs and go with the disk", async () => {
  const throttle = async (file: string) => {
    const cgroup = /^\d+:blkio:(.*)$/m.exec(readFileSync(`/proc/${await initOf(daemon, name)}/cgroup`, "utf8"))?.[1]?.replace(/(lxc\.payload[^/]*).*/, "$1");
    return readFileSync(`/sys/fs/cgroup/blkio${cgroup}/blkio.throttle.${file}`, "utf8").trim();
  };
  const disk = (await execOk("lsblk", ["-no", "MAJ:MIN", (await execOk("findmnt", ["-nvo", "SOURCE", "-T", folder])).trim()])).trim();
  await launch(daemon, name, { devices: data({ "limits.read": "10MB", "limits.write": "50iops" }) });
  assert.deepEqual([await throttle("read_bps_device"), await throttle("write_iops_device")], [`${disk} 10000000`, `${disk} 50`]);
  await sh(daemon, name, "exec 3< /data/hello; echo open > /tmp/x");
  await plug({ ...data({ "limits.read": "20MB" }), root: { type: "disk", pool: "default", path: "/", "limits.max": "15MB" } });
  assert.deepEqual([await throttle("read_bps_device"), await throttle("write_bps_device"), await throttle("write_iops_device")], [`${disk} 15000000`, `${disk} 15000000`, ""]);
  await plug({ root: { type: "disk", pool: "default", path: "/" } });
  await unplug("data");
  assert.equal(await throttle("read_bps_device"), "");
  await assert.rejects(plug({ tmpfs: { type: "disk", source: "tmpfs:", path: "/t", "limits.read": "1MB" } }), /a tmpfs has no block device/);
  assert.equal(await isMounted("/t"), false);
});

test("a change of a running disk's options holds at once, and one that fails changes nothing", async () => {
  chmodSync(folder, 0o777);
  await launch(daemon, name, { devices: data() });
  await sh(daemon, name, "touch /data/one");
  await plug(data({ readonly: "true" }));
  assert.match(await sh(daemon, name, "touch /data/two 2>&1 || true"), /Read-only/);
  await assert.rejects(plug(data({ source: `${folder}/missing` })), /Missing source path/);
  assert.equal(await sh(daemon, name, "cat /data/hello"), "hello", "the disk that was there is there again");
  assert.match(await sh(daemon, name, "touch /data/two 2>&1 || true"), /Read-only/);
  assert.equal((await daemon.must("GET", url())).devices.data.source, folder);
  await plug(data({ path: "/moved" }));
  assert.equal(await sh(daemon, name, "ls /data; cat /moved/hello"), "hello");
});

for (const how of ["was asked to end", "was killed"]) {
  test(`disks stay, and can be taken out, when the daemon ${how}`, async () => {
    await launch(daemon, name, { devices: data() });
    await plug({ more: { type: "disk", source: folder, path: "/more" } });
    await (how === "was killed" ? daemon.kill9() : daemon.stop());
    if (how === "was killed") {
      // As if it had been killed amid a hot-plug: a place that no device has.
      await daemon.inNamespace("mkdir", `${daemon.dir}/devices/${name}/ghost:%2Fghost`);
      await daemon.inNamespace("mount", "--bind", folder, `${daemon.dir}/devices/${name}/ghost:%2Fghost`);
    }
    await daemon.start();
    assert.equal(await sh(daemon, name, "cat /data/hello /more/hello"), "hello\nhello");
    assert.equal((await mountsOf(daemon)).some((point) => point.includes("ghost")), false);
    await unplug("data", "more");
    assert.equal(await sh(daemon, name, "ls /data /more | grep hello || true"), "");
  });
}

test("what a daemon left staged for a guest that ended meanwhile is gone", async () => {
  await launch(daemon, name, { devices: data() });
  const init = await initOf(daemon, name);
  await daemon.kill9();
  process.kill(init, "SIGKILL");
  await daemon.start();
  await eventually(async () => (await mountsOf(daemon)).every((point) => !point.includes("/devices/")));
  assert.deepEqual(readdirSync(folder), ["hello"]);
});

test("the stock client adds, changes, overrides and removes disks of a running guest", async () => {
  await daemon.must("POST", "/1.0/profiles", { name: "shared", devices: data() });
  await create(daemon, name);
  await daemon.must("PATCH", url(), { profiles: ["default", "shared"] });
  await act(daemon, name, "start");
  const lxc = async (...args: string[]) => {
    const { code, stderr } = await daemon.lxc(...args);
    assert.equal(code, 0, stderr);
  };
  assert.equal(await sh(daemon, name, "cat /data/hello"), "hello");
  await lxc("config", "device", "override", name, "data", "path=/elsewhere");
  assert.equal(await sh(daemon, name, "cat /elsewhere/hello; ls /data"), "hello");
  await lxc("config", "device", "add", name, "more", "disk", `source=${folder}`, "path=/more");
  await lxc("config", "device", "set", name, "more", "readonly=true");
  assert.match(await sh(daemon, name, "touch /more/x 2>&1 || true"), /Read-only/);
  await lxc("config", "device", "remove", name, "more");
  assert.equal(await isMounted("/more"), false);
  const { stderr, code } = await daemon.lxc("config", "device", "add", name, "none", "disk", "source=/does/not/exist", "path=/none");
  assert.notEqual(code, 0);
  assert.match(stderr, /Missing source path/);
  await daemon.deleteInstances();
  await daemon.must("DELETE", "/1.0/profiles/shared");
});
