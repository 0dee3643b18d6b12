// Keys of instances whose names or values have rules of their own: raw.lxc, limits of the kernel, parameters, modules.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rawLxc } from "../../../server/api/config-keys/raw-lxc.ts";
import { checkInstanceConfig, expand } from "../../../server/instances/config.ts";
import { kernelLines, rawLines } from "../../../server/instances/kernel/lines.ts";

const refuses = (config: Record<string, string>, message: RegExp) => assert.throws(() => checkInstanceConfig(config), message);
const accepts = (config: Record<string, string>) => assert.deepEqual(checkInstanceConfig(config), config);

test("raw.lxc: lines of liblxc's are taken, comments left out", () => {
  const text = "# mine\n\nlxc.cap.drop = audit_control\n  lxc.mount.entry=/a a none bind 0 0\nlxc.net.0.ipv4.address = 192.0.2.2/24\nlxc.apparmor.profile=unconfined\n";
  accepts({ "raw.lxc": text });
  assert.equal(rawLines({ "raw.lxc": text }),
    "lxc.cap.drop = audit_control\nlxc.mount.entry = /a a none bind 0 0\nlxc.net.0.ipv4.address = 192.0.2.2/24\nlxc.apparmor.profile = unconfined\n");
  assert.equal(rawLines({}), "");
});

const refusedLines = [
  "lxc.log.file = /x", "lxc.logfile = /x", "lxc.log.syslog = daemon", "lxc.ephemeral = 1", "lxc.prlimit.nofile = 1", "lxc.rootfs.path = dir:/",
  "lxc.rootfs.options = ro", "lxc.idmap = u 0 0 1", "lxc.include = /etc/passwd", "lxc.console.path = none", "lxc.monitor.unshare = 1", "lxc.hook.version = 0",
  "lxc.hook.post-stop =", "lxc.hook =", "lxc.execute.cmd = /bin/sh", "lxc.namespace.keep = user", "lxc.cgroup.dir = x", "lxc.net.0.type = phys", "lxc.net.0.link = eth0",
  "lxc.net = ", "lxc.network.type = veth", "foo = bar", "lxc.foo = 1", "LXC.LOG.FILE = /x", "  lxc.include=/etc/passwd", "no equals sign", "lxc.cap.drop = a\rlxc.include = /x",
];
for (const line of refusedLines) {
  test(`raw.lxc: refuses ${JSON.stringify(line)}`, () => assert.equal(typeof rawLxc(`lxc.cap.drop = a\n${line}\n`), "string"));
}

test("limits of the kernel have known names and values", () => {
  accepts({ "limits.kernel.nofile": "1000", "limits.kernel.memlock": "unlimited", "limits.kernel.nproc": "5:unlimited" });
  refuses({ "limits.kernel.nofil": "1" }, /Unknown configuration key: limits\.kernel\.nofil \(did you mean "limits\.kernel\.nofile"\?\)/);
  refuses({ "limits.kernel.zzzzzz": "1" }, /known: as, core/);
  refuses({ "limits.kernel.nofile": "a" }, /Invalid value for "limits\.kernel\.nofile"/);
  refuses({ "limits.kernel.nofile": "5:1" }, /the soft limit is above the hard one/);
});

test("kernel parameters and variables have names that stay in their place", () => {
  accepts({ "linux.sysctl.net.ipv4.ip_forward": "1", "linux.sysctl.net/ipv4/conf/eth0.5/forwarding": "1", "environment.FOO-BAR": "x" });
  for (const name of ["..", "net", "net..x", "net.ipv4 x", "net.ipv4.ip_forward\nlxc.include", "net./etc"]) refuses({ [`linux.sysctl.${name}`]: "1" }, /Unknown configuration key/);
  for (const name of ["A=B", "A B", "A\nB"]) refuses({ [`environment.${name}`]: "1" }, /Unknown configuration key/);
});

test("modules are named, not given options", () => {
  accepts({ "linux.kernel_modules": "br_netfilter, ip6-tables" });
  for (const value of ["-r", "a b", "../x", "a,,b", "a;b"]) refuses({ "linux.kernel_modules": value }, /linux\.kernel_modules/);
});

test("values out of range, and keys of the server's own, are refused", () => {
  const wrong: Record<string, string[]> = {
    "limits.cpu": ["0", "-1", "1,", "a", "1-"], "limits.cpu.allowance": ["0%", "10001%", "10", "5ms", "0ms/10ms", "10ms/2000ms"], "limits.cpu.priority": ["11", "-1", "x"],
    "limits.memory": ["0", "1", "0%", "101%", "10XB"], "limits.memory.enforce": ["maybe"], "limits.memory.swap": ["5"], "limits.processes": ["0", "x"],
    "limits.disk.priority": ["11"], "limits.hugepages.2MB": ["many"], "limits.network.priority": ["11"], "security.protection.start": ["x"],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) refuses({ [key]: value }, new RegExp(`Invalid value for "${key.replaceAll(".", "\\.")}"`));
  }
  refuses({ "volatile.uuid": "x" }, /cannot be set/);
  refuses({ "limits.memroy": "1GiB" }, /did you mean "limits\.memory"/);
});

test("what the kernel is asked for becomes lines, AppArmor's only where it is", () => {
  const config = { "limits.kernel.nofile": "9", "linux.sysctl.net.ipv4.ip_forward": "1", "raw.apparmor": "mount,\n\n  umount,\n" };
  const lines = [["lxc.prlimit.nofile", "9"], ["lxc.sysctl.net.ipv4.ip_forward", "1"]];
  assert.deepEqual(kernelLines(config, false), lines);
  assert.deepEqual(kernelLines(config, true), [...lines, ["lxc.apparmor.raw", "mount,"], ["lxc.apparmor.raw", "umount,"]]);
});

test("older names of keys are kept as they are, and hold as what they are called now", () => {
  const config = { "security.syscalls.blacklist": "mount", "security.syscalls.blacklist_compat": "true" };
  accepts(config);
  refuses({ "security.syscalls.blacklist_compat": "perhaps" }, /Invalid value/);
  refuses({ "security.syscalls.blacklist": "no_such_call" }, /there is no such system call/);
  refuses({ "security.syscalls.whitelist": "read", "security.syscalls.deny": "mount" }, /mutually exclusive/);
  assert.deepEqual(expand([], { config, devices: {} }).config, { "security.syscalls.deny": "mount", "security.syscalls.deny_compat": "true" });
  const both = { ...config, "security.syscalls.deny": "chown" };
  assert.equal(expand([], { config: both, devices: {} }).config["security.syscalls.deny"], "chown");
});
