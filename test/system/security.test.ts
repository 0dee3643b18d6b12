// What a guest can see of the host and of other guests, and what it cannot do to them.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importImage, initOf, launch, sh } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";

const [one, two] = [`safe${process.pid}-1`, `safe${process.pid}-2`];
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, one, { config: { "limits.memory": "64MiB" } });
  await launch(daemon, two);
});
after(() => daemon?.[Symbol.asyncDispose]());

const guest = (script: string) => daemon.berth("exec", one, "--", "sh", "-c", script);

/** A line that must fail inside. */
async function refused(script: string): Promise<void> {
  const { code, stdout } = await guest(script);
  assert.notEqual(code, 0, `${script} succeeded: ${stdout}`);
}

test("root in a guest is nobody of the host's", async () => {
  for (const name of [one, two]) {
    const init = await initOf(daemon, name);
    for (const map of ["uid_map", "gid_map"]) {
      const [inside, outside, count] = readFileSync(`/proc/${init}/${map}`, "utf8").trim().split(/\s+/).map(Number);
      assert.ok(inside === 0 && (outside ?? 0) >= 100_000 && (count ?? 0) >= 65_536, `${map} of ${name}`);
    }
  }
  assert.equal((await sh(daemon, one, "wc -l < /proc/self/uid_map")).trim(), "1");
});

test("init and the programs run in a guest are under a seccomp policy, which refuses what it names", async () => {
  const mode = (status: string) => /^Seccomp:\s*(\d)/m.exec(status)?.[1];
  assert.equal(mode(readFileSync(`/proc/${await initOf(daemon, one)}/status`, "utf8")), "2");
  assert.equal(mode(await sh(daemon, one, "cat /proc/self/status")), "2");
  const { stderr } = await guest("insmod /bin/busybox");
  assert.match(stderr, /not implemented|does not support requested operation/i);
});

test("a guest cannot read the host's memory, keys or timers", async () => {
  for (const file of ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"]) {
    assert.equal((await guest(`head -c 100 ${file}`)).stdout, "", file);
  }
  for (const file of ["/proc/kmsg", "/proc/kallsyms"]) {
    assert.doesNotMatch((await guest(`timeout 1 head -c 2000 ${file} | grep -v '^0000000000000000'`)).stdout, /./, file);
  }
  assert.equal((await guest("ls /sys/firmware /proc/acpi 2>/dev/null | grep -v :")).stdout.trim(), "");
});

test("a guest cannot change the host through /proc and /sys", async () => {
  const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
  await sh(daemon, one, "echo x > /proc/sysrq-trigger; true"); // what it writes to is not the host's
  for (const file of ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic", "/proc/sys/vm/drop_caches", "/sys/kernel/uevent_helper", "/sys/power/state", "/proc/sys/kernel/modprobe"]) {
    await refused(`echo 1 > ${file}`);
  }
  assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), before);
  assert.equal((await guest("stat -c %t:%T /proc/sysrq-trigger")).stdout.trim() === "1:3" || (await guest("echo b > /proc/sysrq-trigger")).code !== 0, true);
});

test("a guest cannot remount what the host gave it, nor make or open devices of the host's", async () => {
  await refused("mount -o remount,dev /");
  await refused("mount -o remount,rw /proc/keys");
  await refused("mknod /sda b 8 0 && head -c 1 /sda");
  await refused("mknod /mem c 1 1 && head -c 1 /mem");
  await refused("mount -t ext4 /dev/sda /mnt");
  await refused("swapoff -a && swapon /etc/passwd");
});

test("a guest sees the memory it was given, not the host's", async () => {
  assert.equal(await sh(daemon, one, "grep MemTotal /proc/meminfo | tr -s ' '"), "MemTotal: 65536 kB");
  const host = /MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  assert.equal(await sh(daemon, two, "awk '/MemTotal/ {print $2}' /proc/meminfo"), host);
  const { metadata } = (await daemon.request("GET", `/1.0/instances/${one}/state`)).json;
  assert.ok(metadata.memory.usage > 0 && metadata.memory.usage <= 64 * 1024 * 1024);
});

test("a guest that takes more memory than it was given loses the program, nothing else", async () => {
  await refused("head -c 200000000 /dev/zero | tail");
  assert.equal(await sh(daemon, one, "echo here"), "here");
  assert.equal(await sh(daemon, two, "echo here"), "here");
});

test("a guest sees neither processes nor files of another, nor of the host", async () => {
  await sh(daemon, two, "echo secret > /secret; (exec -a visible sleep 1000) >/dev/null 2>&1 & echo");
  assert.doesNotMatch(await sh(daemon, one, "ps"), /visible|berthd|lxcfs/);
  await refused("cat /secret");
  const paths = await sh(daemon, one, "find / -xdev -name secret 2>/dev/null; ls /proc/1/root/ /proc/1/cwd/");
  assert.doesNotMatch(paths, /secret|berth-test/);
  await refused(`ls ${daemon.dir}`);
  assert.doesNotMatch(await sh(daemon, one, "cat /proc/*/cmdline | tr '\\0' ' '"), /berthd/);
});

test("what a guest with ids of its own makes belongs to nobody that another guest knows, on the host too", async () => {
  const names = [`${one}-alone-1`, `${one}-alone-2`];
  for (const name of names) await launch(daemon, name, { config: { "security.idmap.isolated": "true" } });
  const owners: number[] = [];
  for (const name of names) {
    await sh(daemon, name, "touch /tmp/root /tmp/last; chown 65535:65535 /tmp/last");
    const root = `/proc/${await initOf(daemon, name)}/root`;
    owners.push(statSync(`${root}/tmp/root`).uid, statSync(`${root}/tmp/last`).uid);
    assert.notEqual((await daemon.berth("exec", name, "--", "chown", "65536", "/tmp/root")).code, 0, "ids end with its range");
  }
  const [first = 0, firstLast = 0, second = 0, secondLast = 0] = owners;
  assert.ok(firstLast === first + 65535 && secondLast === second + 65535 && (firstLast < second || secondLast < first), JSON.stringify(owners));
  // Root of one, let loose on the host's files with its own ids only, cannot read what belongs to the other.
  const secret = `${daemon.dir}/storage-pools/default/containers/${names[1]}/rootfs/etc/shadow`;
  const tried = await daemon.inNamespace("setpriv", `--reuid=${first}`, `--regid=${first}`, "--clear-groups", "--bounding-set=-all", "cat", secret);
  assert.notEqual(tried.code, 0);
  assert.match(tried.stderr, /Permission denied/);
});

test("a guest that mounts /proc anew, or names its machine, sees and changes its own namespaces only", async () => {
  await guest("mount -t proc proc /mnt; hostname stolen");
  await refused("grep -l -e berthd -e lxcfs /proc/[0-9]*/comm /mnt/[0-9]*/comm 2>/dev/null");
  assert.equal(await sh(daemon, one, "hostname; umount /mnt 2>/dev/null; hostname $(cat /etc/hostname)"), "stolen");
  assert.notEqual(readFileSync("/proc/sys/kernel/hostname", "utf8").trim(), "stolen");
});

test("a line break in a configuration value cannot become a directive", async () => {
  for (const config of [{ "environment.A": "x\nlxc.hook.start-host = /bin/touch /tmp/owned" }, { "environment.A\nlxc.idmap": "x" }]) {
    const reply = await daemon.request("POST", "/1.0/instances", { name: `${one}-x`, source: { type: "image", alias: "busybox" }, config });
    const made = reply.status === 202 && (await daemon.request("GET", `${reply.json.operation}/wait`)).json.metadata.status_code === 200;
    const started = made && (await daemon.must("PUT", `/1.0/instances/${one}-x/state`, { action: "start" }).then(() => true, () => false));
    assert.equal(started, false, JSON.stringify(config));
    if (made) await daemon.must("DELETE", `/1.0/instances/${one}-x`);
  }
});

test("a fork bomb stays within limits.processes", async () => {
  await daemon.must("PATCH", `/1.0/instances/${two}`, { config: { "limits.processes": "60" } });
  await daemon.must("PUT", `/1.0/instances/${two}/state`, { action: "restart", force: true });
  await guest("true");
  await daemon.berth("exec", two, "--", "sh", "-c", "for i in $(seq 200); do sleep 30 & done >/dev/null 2>&1; true");
  const state = await daemon.must("GET", `/1.0/instances/${two}/state`);
  assert.ok(state.processes > 20 && state.processes <= 60, String(state.processes));
  await daemon.must("PUT", `/1.0/instances/${two}/state`, { action: "stop", force: true });
  await eventually(async () => (await daemon.must("GET", `/1.0/instances/${two}`)).status === "Stopped");
});
