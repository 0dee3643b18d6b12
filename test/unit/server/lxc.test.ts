// What liblxc is told: configuration, system calls, id maps, cgroups, signals.
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { execEnvironment } from "../../../server/instances/exec/environment.ts";
import { parseLayout } from "../../../server/lxc/cgroup.ts";
import { haltSignal } from "../../../server/lxc/halt.ts";
import { formatIdMap, parseSubIds, rootIds } from "../../../server/lxc/idmap.ts";
import { type ContainerConfig, readNotes, renderConfig } from "../../../server/lxc/render-config.ts";
import { renderSeccomp } from "../../../server/lxc/seccomp.ts";

const map = { uid: [{ inside: 0, outside: 100000, count: 65536 }], gid: [{ inside: 0, outside: 200000, count: 65536 }] };
const config: ContainerConfig = {
  name: "c1", hostname: "c1", rootfs: "/b/rootfs", architecture: "x86_64", tellsEnd: false, logFile: "/b/log", consoleLog: "/b/console", seccompProfile: "/b/seccomp",
  stopHook: "/b/hook", map, unifiedCgroups: true, nesting: false, privileged: false, deviceKeys: "lxc.cgroup2.devices", appArmor: false, environment: { A: "1 2" }, mounts: [{ source: "/a b\\", target: "c\td", options: "none bind" }],
  masked: [{ path: "/proc/kcore", directory: false }, { path: "/proc/acpi", directory: true }],
  nics: [[["type", "veth"], ["link", "br0"], ["veth.pair", "veth1"]], [["type", "phys"], ["link", "eno1"]]], cgroups: [["lxc.cgroup2.pids.max", "9"]],
  devices: [["lxc.mount.entry", "/x x none bind 0 0"]], extra: [["lxc.prlimit.nofile", "9"]], raw: "lxc.cap.drop = audit_control\n",
  notes: { "volatile.eth0.host_name": "veth1" },
};

test("a container's configuration has a line for each thing", () => {
  const lines = renderConfig(config).split("\n");
  for (const line of [
    "lxc.uts.name = c1", "lxc.rootfs.path = dir:/b/rootfs", "lxc.idmap = u 0 100000 65536", "lxc.idmap = g 0 200000 65536", "lxc.environment = A=1 2",
    "lxc.cgroup2.pids.max = 9", "lxc.net.0.link = br0", "lxc.net.0.veth.pair = veth1", "lxc.net.1.link = eno1", "lxc.prlimit.nofile = 9", "lxc.mount.entry = /x x none bind 0 0", "lxc.cap.drop = audit_control", "lxc.seccomp.profile = /b/seccomp",
    "lxc.mount.auto = proc:rw sys:rw cgroup:rw:force", "lxc.mount.entry = /dev/null proc/kcore none bind,ro,optional 0 0",
    "lxc.mount.entry = tmpfs proc/acpi tmpfs ro,nosuid,nodev,noexec,optional 0 0",
  ]) assert.ok(lines.includes(line), line);
});

test("what a start chose is noted, and can be read again", () => {
  assert.deepEqual(readNotes(renderConfig(config)), config.notes);
  assert.throws(() => renderConfig({ ...config, notes: { "volatile.a.b": "x\nlxc.hook.start-host = /bin/sh" } }), { code: "internal" });
});

test("spaces and backslashes in mounts are escaped", () => {
  assert.match(renderConfig(config), /^lxc\.mount\.entry = \/a\\040b\\134 c\\011d none bind 0 0$/m);
});

test("a value that would not stay on its line is refused", () => {
  for (const evil of ["x\nlxc.hook.start-host = /bin/sh", "x\r", "x\0"]) {
    assert.throws(() => renderConfig({ ...config, environment: { A: evil } }), { code: "internal" });
    assert.throws(() => renderConfig({ ...config, hostname: evil }), { code: "internal" });
    assert.throws(() => renderConfig({ ...config, cgroups: [[evil, "1"]] }), { code: "internal" });
    assert.throws(() => renderConfig({ ...config, nics: [[["name", evil]]] }), { code: "internal" });
  }
});

test("system calls that reach the host are denied", () => {
  const lines = renderSeccomp({}, () => []).split("\n");
  assert.deepEqual(lines.slice(0, 3), ["2", "denylist", "reject_force_umount"]);
  for (const call of ["kexec_load", "init_module", "finit_module", "delete_module", "open_by_handle_at"]) assert.ok(lines.includes(`${call} errno 38`), call);
});

test("root's ranges of ids are found, and those too small passed over", () => {
  const text = "me:100000:65536\n# root:1:2\nroot:5000:10\nroot:1000000:1000000000\n";
  assert.deepEqual(parseSubIds(text), { inside: 0, outside: 1000000, count: 1000000000 });
  for (const none of ["", "root:100000:65535", "root:0:65536", "root:x:65536", "root:100000"]) assert.equal(parseSubIds(none), undefined, none);
  assert.deepEqual(rootIds(map), { uid: 100000, gid: 200000 });
  assert.deepEqual(JSON.parse(formatIdMap(map)), [
    { Isuid: true, Isgid: false, Hostid: 100000, Nsid: 0, Maprange: 65536 }, { Isuid: false, Isgid: true, Hostid: 200000, Nsid: 0, Maprange: 65536 },
  ]);
});

test("the layout of cgroups is told: v2, v1, or both with v1 in charge", () => {
  const two = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0";
  const one = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0";
  assert.deepEqual(parseLayout(two), { unified: "/sys/fs/cgroup", controllers: {} });
  const v1 = parseLayout(one);
  assert.deepEqual([v1.unified, v1.controllers["memory"], v1.controllers["cpuacct"]], [undefined, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct"]);
  assert.equal(parseLayout(`${one}\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0`).unified, undefined);
  assert.equal(parseLayout("cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\ncgroup2 /u cgroup2 rw 0 0").unified, "/u");
});

test("an init is asked to halt in the language it knows", () => {
  assert.equal(haltSignal("SigBlk:\t0000001000000000\n", "/usr/lib/systemd/systemd"), 37);
  assert.equal(haltSignal("SigBlk:\t0000000000000000\n", "/bin/busybox"), constants.signals.SIGUSR2);
  assert.equal(haltSignal("SigBlk:\t0000000000000000\n", "/sbin/init"), constants.signals.SIGPWR);
  assert.equal(haltSignal("", "/sbin/init"), constants.signals.SIGPWR);
});

test("a program gets the defaults, what the instance says, and what the caller says, in that order", () => {
  const environment = execEnvironment({ "environment.A": "1", "environment.B": "1", "limits.cpu": "1" }, { B: "2", PATH: "/x" }, 0);
  assert.deepEqual(environment, { PATH: "/x", LANG: "C.UTF-8", HOME: "/root", USER: "root", A: "1", B: "2" });
  assert.equal(execEnvironment({}, {}, 1000)["HOME"], undefined);
  for (const [name, value] of [["", "x"], ["A=B", "x"], ["A\0", "x"], ["A", "x\0"]] as const) {
    assert.throws(() => execEnvironment({}, { [name]: value }, 0), { code: "bad_body" });
  }
});
