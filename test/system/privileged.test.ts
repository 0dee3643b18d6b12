// Privileged instances: no user namespace, but fewer powers than the host's root and only the devices they were given.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages, debianImage } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";
import { act, booted, forceStop, importImage, initOf, launch, sh } from "../helpers/instances.ts";

const prefix = `priv${process.pid}`;
const [one, debian, copied] = [`${prefix}-1`, `${prefix}-debian`, `${prefix}-copied`];
const config = { "security.privileged": "true" };
const urlOf = (name: string) => `/1.0/instances/${name}`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, one, { config });
});
after(() => daemon?.[Symbol.asyncDispose]());

const status = async (key: string) => new RegExp(`^${key}:\\s*(\\S+)`, "m").exec(readFileSync(`/proc/${await initOf(daemon, one)}/status`, "utf8"))?.[1] ?? "";

test("it has no user namespace, and its map is shown as none", async () => {
  assert.equal(readlinkSync(`/proc/${await initOf(daemon, one)}/ns/user`), readlinkSync("/proc/self/ns/user"));
  const shown = (await daemon.must("GET", urlOf(one))).config;
  assert.deepEqual([shown["volatile.idmap.current"], shown["volatile.idmap.next"], shown["volatile.idmap.base"]], ["[]", "[]", "0"]);
});

test("it lacks the powers that reach the machine, and is under the seccomp policy", async () => {
  const bounding = BigInt(`0x${await status("CapBnd")}`);
  for (const bit of [16n, 17n, 25n, 32n, 33n]) assert.equal(bounding & (1n << bit), 0n, `capability ${bit}`);
  assert.notEqual(bounding & (1n << 21n), 0n, "sys_admin");
  assert.equal(await status("Seccomp"), "2");
  const exec = BigInt(`0x${/CapBnd:\s*(\S+)/.exec(await sh(daemon, one, "cat /proc/self/status"))?.[1]}`);
  assert.equal(exec, bounding, "programs run in it have no more");
});

test("it cannot overwrite the program that brings others into it", async () => {
  const running = daemon.berth("exec", one, "--", "sleep", "3");
  const attachers = () => daemon.namespace.family().filter(({ command }) => command.startsWith("lxc-attach") && command.includes("sleep"));
  await eventually(async () => attachers().some(({ pid }) => readlinkSync(`/proc/${pid}/exe`).startsWith("/memfd:")), { timeout: 2500, every: 10, what: "lxc-attach runs from memory" });
  assert.equal((await running).code, 0);
});

test("it may use the devices every guest has, and none of the machine's", async () => {
  await sh(daemon, one, "head -c 8 /dev/urandom >/dev/null; echo x > /dev/null; mknod /tmp/null c 1 3 && echo x > /tmp/null");
  for (const [number, node] of [["c 1 1", "mem"], ["c 1 2", "kmem"], ["c 10 237", "loop"], ["b 254 0", "disk"], ["b 8 0", "sda"]] as const) {
    const { code, stderr } = await daemon.berth("exec", one, "--", "sh", "-c", `mknod /tmp/${node} ${number} && head -c 1 /tmp/${node}`);
    assert.notEqual(code, 0, node);
    assert.match(stderr, /not permitted/, node);
  }
  const folder = readFileSync(`/proc/${await initOf(daemon, one)}/cgroup`, "utf8");
  assert.match(folder, /lxc\.payload/);
});

test("it cannot write what is read-only of /proc and /sys, nor reach the host's files", async () => {
  for (const file of ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper"]) {
    const before = existsSync(file) && file !== "/proc/sysrq-trigger" ? readFileSync(file, "utf8") : "";
    await daemon.berth("exec", one, "--", "sh", "-c", `echo x > ${file}`);
    if (before) assert.equal(readFileSync(file, "utf8"), before, file);
  }
  assert.equal((await daemon.berth("exec", one, "--", "head", "-c", "10", "/proc/kcore")).stdout, "");
  assert.notEqual((await daemon.berth("exec", one, "--", "ls", daemon.dir)).code, 0);
  assert.match(await sh(daemon, one, "grep ' /dev/mqueue ' /proc/mounts"), /^mqueue /);
});

test("owners are the host's own, through files, exec and templates", async () => {
  const put = (path: string, headers: Record<string, string>) => daemon.request("POST", `${urlOf(one)}/files?path=${path}`, Buffer.from("x"), { headers: { "content-type": "application/octet-stream", ...headers } });
  assert.equal((await put("/root/mine", {})).status, 200);
  assert.equal((await put("/root/users", { "x-lxd-uid": "1000", "x-lxd-gid": "1001", "x-lxd-mode": "0640" })).status, 200);
  assert.equal(await sh(daemon, one, "stat -c %u:%g:%a /root/mine /root/users | xargs"), "0:0:644 1000:1001:640");
  const rootfs = `/proc/${await initOf(daemon, one)}/root`;
  assert.deepEqual([statSync(`${rootfs}/root/users`).uid, statSync(`${rootfs}/etc/hostname`).uid, statSync(`${rootfs}/etc/passwd`).uid], [1000, 0, 0]);
  const reply = await daemon.request("GET", `${urlOf(one)}/files?path=/root/users`);
  assert.deepEqual([reply.headers["x-lxd-uid"], reply.headers["x-lxd-gid"]], ["1000", "1001"]);
  assert.equal((await daemon.berth("exec", one, "--user", "1000", "--", "sh", "-c", "id -u; echo out > /dev/stdout")).stdout, "1000\nout\n");
  assert.equal(await sh(daemon, one, "cat /etc/hostname"), one);
  assert.equal(statSync(`${daemon.dir}/storage-pools/default/containers/${one}`).mode & 0o777, 0o100);
});

test("an unprivileged instance becomes privileged at its next start, and back; its files follow, on both kinds of pool", async () => {
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
  for (const pool of ["default", "copies"]) {
    await launch(daemon, copied, { devices: { root: { type: "disk", path: "/", pool } } });
    await sh(daemon, copied, "echo a > /root/a; chown 1000:1000 /root/a");
    for (const value of ["true", "false"]) {
      await daemon.must("PATCH", urlOf(copied), { config: { "security.privileged": value } });
      await act(daemon, copied, "restart", { force: true });
      assert.equal(await sh(daemon, copied, "stat -c %u:%g /root/a /etc/passwd /root | xargs; touch /root/new && stat -c %u /root/new"), "1000:1000 0:0 0:0\n0", pool);
      assert.equal(statSync(`/proc/${await initOf(daemon, copied)}/root/etc/passwd`).uid, value === "true" ? 0 : 1_000_000, pool);
    }
    await forceStop(daemon, copied);
    await daemon.must("DELETE", urlOf(copied));
  }
});

test("Debian with systemd boots privileged, and shuts down cleanly", async () => {
  await importImage(daemon, await debianImage(), "debian");
  await launch(daemon, debian, { alias: "debian", config });
  await booted(daemon, debian, "debian");
  assert.equal(await sh(daemon, debian, "systemctl list-units --failed --no-legend --plain | grep -v -e systemd-sysctl -e kmod || true"), "");
  assert.equal(await sh(daemon, debian, "systemctl is-active dbus systemd-networkd systemd-resolved | sort -u"), "active");
  await act(daemon, debian, "stop", { timeout: 20 });
  assert.equal((await daemon.must("GET", urlOf(debian))).status, "Stopped");
});
