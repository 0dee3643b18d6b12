// Configuration keys and devices: what is let through, and what is refused with which words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig, closest, editDistance, findKey, isTrue, type KeyTable, parseSize } from "../../../server/api/config-keys/key.ts";
import { checkDevices, findRootDisk } from "../../../server/devices/check.ts";
import { checkInstanceConfig, expand, type Layer } from "../../../server/instances/config.ts";
import { checkInstanceName, makeName } from "../../../server/instances/name.ts";

const table: KeyTable = {
  flag: { type: { kind: "bool" }, description: "" }, count: { type: { kind: "int", min: 1, max: 9 }, description: "" },
  word: { type: { kind: "string" }, description: "" }, text: { type: { kind: "text" }, description: "" }, room: { type: { kind: "size" }, description: "" },
  mode: { type: { kind: "enum", values: ["a", "b"] }, description: "" }, "user.*": { type: { kind: "text" }, description: "" },
  "kept.*": { type: { kind: "text" }, description: "", readonly: true },
};
const refused = (config: Record<string, string>, error: object) => assert.throws(() => checkConfig(table, config), error, JSON.stringify(config));

test("sizes are read in decimal and binary units", () => {
  assert.deepEqual(["10", "10B", "1kB", "1KiB", "2 MiB", "3GB"].map(parseSize), [10, 10, 1000, 1024, 2 ** 21, 3e9]);
  for (const size of ["", "-1", "1.5GB", "1XB", "GB", "1mib", "1constructor"]) assert.equal(parseSize(size), undefined, size);
});

test("yes has several words", () => {
  assert.deepEqual(["true", "TRUE", "1", "yes", "on"].map(isTrue), [true, true, true, true, true]);
  assert.deepEqual(["false", "", undefined, "2"].map(isTrue), [false, false, false, false]);
});

test("values are checked by their type, and empty ones are dropped", () => {
  const good = { flag: "no", count: "9", word: "w", text: "a\nb", room: "1GiB", mode: "b", "user.x": "" };
  assert.deepEqual(checkConfig(table, good), { flag: "no", count: "9", word: "w", text: "a\nb", room: "1GiB", mode: "b" });
  const wrong = { flag: "maybe", count: "10", word: "a\nb", text: "a\0", room: "big", mode: "c" };
  for (const [key, value] of Object.entries(wrong)) refused({ [key]: value }, { code: "invalid_config_value" });
  for (const value of ["0", "1.5", "1e3", "0x1"]) refused({ count: value }, { code: "invalid_config_value" });
});

test("unknown keys are refused with the one that was meant", () => {
  refused({ cuont: "1" }, { code: "unknown_config_key", message: 'Unknown configuration key: cuont (did you mean "count"?)' });
  refused({ "user.": "1" }, { code: "unknown_config_key" });
  refused({ constructor: "1" }, { code: "unknown_config_key", message: "Unknown configuration key: constructor" });
  assert.equal(findKey(table, "user.a"), table["user.*"]);
  assert.deepEqual([editDistance("kitten", "sitting"), editDistance("", "abc")], [3, 3]);
  assert.equal(closest("limits.memroy", ["limits.memory", "limits.cpu"]), "limits.memory");
  assert.equal(closest("zzz", ["limits.memory"]), undefined);
});

test("keys that the server keeps may come back unchanged", () => {
  refused({ "kept.a": "1" }, { code: "readonly_config_key" });
  assert.deepEqual(checkConfig(table, { "kept.a": "1" }, { "kept.a": "1" }), { "kept.a": "1" });
});

test("keys of LXD's that Berth does not do are refused unless they switch something off", () => {
  assert.throws(() => checkInstanceConfig({ "nvidia.runtime": "true" }), { code: "config_key_unsupported" });
  assert.throws(() => checkInstanceConfig({ "security.syscalls.intercept.mknod": "true" }), { code: "config_key_unsupported" });
  assert.deepEqual(checkInstanceConfig({ "security.syscalls.intercept.mknod": "false", "limits.cpu": "2", "raw.lxc": "" }), { "limits.cpu": "2" });
});

test("limits take the forms that LXD's take", () => {
  for (const value of ["1", "0-3", "1,2", "0-1,3"]) assert.deepEqual(checkInstanceConfig({ "limits.cpu": value }), { "limits.cpu": value });
  for (const value of ["0", "-1", "a", "1-", "1,", "1constructor"]) assert.throws(() => checkInstanceConfig({ "limits.cpu": value }), { code: "invalid_config_value" }, value);
  for (const value of ["50%", "512MiB", "1GB"]) assert.deepEqual(checkInstanceConfig({ "limits.memory": value }), { "limits.memory": value });
  for (const value of ["0%", "101%", "1kB", "lots"]) assert.throws(() => checkInstanceConfig({ "limits.memory": value }), { code: "invalid_config_value" }, value);
  for (const value of ["10%", "150%", "25ms/100ms"]) assert.deepEqual(checkInstanceConfig({ "limits.cpu.allowance": value }), { "limits.cpu.allowance": value });
  for (const value of ["0%", "0ms/100ms", "25ms"]) assert.throws(() => checkInstanceConfig({ "limits.cpu.allowance": value }), { code: "invalid_config_value" }, value);
});

const world = { hasNetwork: (name: string) => name === "br0", hasPool: (name: string) => name === "default" };
const nic = { type: "nic", network: "br0" };
const root = { type: "disk", path: "/", pool: "default" };

test("devices that can be made are let through", () => {
  const good = { eth0: { ...nic, hwaddr: "00:16:3E:aa:bb:cc", name: "eth0", "ipv4.address": "10.0.0.2" }, root: { ...root, size: "1GB" }, off: { type: "none" },
    raw: { type: "nic", nictype: "bridged", parent: "virbr0" } };
  assert.deepEqual(checkDevices(good, world), good);
});

test("devices that cannot be made are refused with what is wrong", () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /missing device type/], [{ type: "gpus" }, /there is no device type "gpus"/], [{ ...nic, colour: "red" }, /"colour" is not an option/],
    [{ type: "nic" }, /needs "network"/], [{ type: "nic", network: "br9" }, /"br9" was not found/], [{ ...nic, parent: "x" }, /Cannot use "parent" property in conjunction with "network"/],
    [{ type: "nic", nictype: "bridged" }, /needs "parent"/], [{ type: "nic", nictype: "sriov", parent: "x" }, /"sriov" is not supported/],
    [{ ...nic, name: "a/b" }, /no interface name/], [{ ...nic, host_name: "a".repeat(16) }, /no interface name/], [{ ...nic, hwaddr: "1:2" }, /no MAC/],
    [{ ...nic, mtu: "67" }, /at least 68/], [{ ...nic, "ipv4.address": "x" }, /no IPv4/], [{ ...nic, "ipv6.address": "g::" }, /no IPv6/],
    [{ ...nic, name: "e\nlxc.x=1" }, /line break/], [{ ...root, path: "/data" }, /storage volumes .* not supported/], [{ ...root, source: "/x" }, /cannot have "source"/],
    [{ type: "disk", path: "/" }, /needs "pool"/], [{ ...root, pool: "none" }, /"none" was not found/], [{ ...root, size: "big" }, /expected a size/],
  ];
  for (const [device, reason] of wrong) assert.throws(() => checkDevices({ d: device }, world), { code: "invalid_device", message: reason }, JSON.stringify(device));
  assert.throws(() => checkDevices({ "a/b": nic }, world), { code: "invalid_device" });
});

test("what comes later wins: profiles in their order, then the instance", () => {
  const layers: Layer[] = [{ config: { a: "1", b: "1" }, devices: { root, eth0: nic } }, { config: { b: "2", c: "2" }, devices: { eth0: { type: "none" } } }];
  const expanded = expand(layers, { config: { c: "3" }, devices: {} });
  assert.deepEqual(expanded, { config: { a: "1", b: "2", c: "3" }, devices: { root, eth0: { type: "none" } } });
  assert.deepEqual(findRootDisk(expanded.devices), { name: "root", pool: "default" });
  assert.equal(findRootDisk({ data: { ...root, path: "/data" } }), undefined);
});

test("an instance's name could be a host's", () => {
  for (const name of ["a", "web-1", "A".repeat(63)]) checkInstanceName(name);
  for (const name of ["", "1a", "-a", "a-", "a_b", "a.b", "a/b", "ä", "a".repeat(64), "a\n"]) {
    assert.throws(() => checkInstanceName(name), { code: "invalid_name" }, name);
  }
});

test("made-up names are names, and go on when the nice ones are taken", () => {
  let asked = 0;
  const name = makeName(() => ++asked < 30);
  checkInstanceName(name);
  assert.match(name, /^[a-z]+-[a-z]+-\d+$/);
});
