// Changing things: preconditions, replacing and merging, what a configuration may hold.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { importImage } from "../helpers/instances.ts";
import { assertEmpty, assertError, assertFails, assertSucceeds, assertSync } from "./envelopes.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.must("POST", "/1.0/profiles", { name: "p", config: { "user.a": "1" } });
  await daemon.must("POST", "/1.0/instances", { name: "c1", source: { type: "none" }, config: { "user.a": "1", "limits.processes": "9" } });
});
after(() => daemon?.[Symbol.asyncDispose]());

const etagOf = async (path: string) => String((await daemon.request("GET", path)).headers["etag"]);
const withMatch = (etag: string) => ({ headers: { "if-match": etag } });
const own = (config: Record<string, string>) => Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
const wholeConfigOf = async (path: string) => (await daemon.must("GET", path)).config;
const configOf = async (path: string) => own(await wholeConfigOf(path));

test("every object that can be changed has an ETag, which changes with it", async () => {
  for (const path of ["/1.0", "/1.0/instances/c1", "/1.0/profiles/p", "/1.0/networks/berthbr0", "/1.0/storage-pools/default"]) {
    const before = await etagOf(path);
    assert.match(before, /^"[0-9a-f]{64}"$/);
    assert.equal(await etagOf(path), before);
    assertEmpty(await daemon.request("PATCH", path, { config: { "user.tag": "x" } }, withMatch(before)));
    assert.notEqual(await etagOf(path), before);
    assertError(await daemon.request("PATCH", path, { config: { "user.tag": "y" } }, withMatch(before)), 412, /^ETag doesn't match: [0-9a-f]{64} vs [0-9a-f]{64}$/);
    assertEmpty(await daemon.request("PATCH", path, { config: { "user.tag": "" } }));
    assert.equal((await configOf(path))["user.tag"], undefined);
  }
});

test("If-Match takes an ETag with or without quotes, weak, or any", async () => {
  const path = "/1.0/profiles/p";
  const etag = await etagOf(path);
  for (const given of [etag, etag.replaceAll('"', ""), `W/${etag}`, "*"]) assertEmpty(await daemon.request("PATCH", path, {}, withMatch(given)));
});

test("If-Match that does not match changes nothing, also where the change is an operation", async () => {
  const found = (await etagOf("/1.0/instances/c1")).replaceAll('"', "");
  for (const method of ["PUT", "PATCH"]) {
    const reply = await daemon.request(method, "/1.0/instances/c1", { config: { "user.b": "1" } }, withMatch("invalid-etag"));
    assertError(reply, 412, `ETag doesn't match: ${found} vs invalid-etag`);
  }
  assert.equal((await configOf("/1.0/instances/c1"))["user.b"], undefined);
});

test("PATCH merges into the configuration and devices, PUT replaces them", async () => {
  const path = "/1.0/instances/c1";
  assertEmpty(await daemon.request("PATCH", path, { config: { "user.b": "2" }, devices: { eth0: { type: "none" } } }));
  assert.deepEqual(await configOf(path), { "user.a": "1", "user.b": "2", "limits.processes": "9" });
  assertEmpty(await daemon.request("PATCH", path, { config: { "user.a": "", "user.b": null } }));
  assert.deepEqual(await configOf(path), { "user.b": "2", "limits.processes": "9" });
  await assertSucceeds(daemon, await daemon.request("PUT", path, { config: { "user.c": "3" }, devices: {}, profiles: ["default"] }));
  assert.deepEqual(await configOf(path), { "user.c": "3" });
  assert.deepEqual((await daemon.must("GET", path)).devices, {});
});

test("what was read can be sent back as it is", async () => {
  const path = "/1.0/instances/c1";
  const before = await daemon.request("GET", path);
  await assertSucceeds(daemon, await daemon.request("PUT", path, assertSync(before), withMatch(String(before.headers["etag"]))));
  assert.deepEqual((await daemon.must("GET", path)).config, before.json.metadata.config);
});

test("config and devices are never null", async () => {
  await daemon.must("POST", "/1.0/instances", { name: "bare", source: { type: "none" }, config: null, devices: null });
  await assertSucceeds(daemon, await daemon.request("PUT", "/1.0/instances/bare", { config: null, devices: null, profiles: ["default"] }));
  for (const path of ["/1.0/instances/bare", "/1.0/instances/bare?recursion=1", "/1.0/profiles/p", "/1.0/networks/lo", "/1.0"]) {
    const { config, devices = {}, expanded_config: expanded = {} } = await daemon.must("GET", path);
    for (const value of [config, devices, expanded]) assert.equal(typeof value === "object" && value !== null, true, path);
  }
});

test("keys that nobody knows are refused with the one that was meant, and nothing is changed", async () => {
  const message = 'Unknown configuration key: limits.processs (did you mean "limits.processes"?)';
  const config = { "limits.processs": "1", "user.z": "1" };
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { config }), 400, message);
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x1", source: { type: "none" }, config }), 400, message);
  assertError(await daemon.request("POST", "/1.0/profiles", { name: "x1", config }), 400, message);
  const failed = await assertFails(daemon, await daemon.request("PUT", "/1.0/instances/c1", { config }), message);
  assert.equal(failed.metadata.error, "unknown_config_key");
  assert.equal((await configOf("/1.0/instances/c1"))["user.z"], undefined);
  assert.equal((await daemon.request("GET", "/1.0/instances/x1")).status, 404);
});

test("keys that Berth keeps cannot be set", async () => {
  const config = { "volatile.uuid": "mine" };
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { config }), 400, 'Config key "volatile.uuid" cannot be set: it is kept by the server');
});

test("notes that a client sends back are passed over when they may be old, and refused when they are changed", async () => {
  const { config: now, profiles } = await daemon.must("GET", "/1.0/instances/c1");
  const etag = await etagOf("/1.0/instances/c1");
  const body = { profiles, config: { ...now, "volatile.last_state.power": "RUNNING", "volatile.eth0.host_name": "veth1" } };
  await daemon.must("PUT", "/1.0/instances/c1", body);
  assert.deepEqual(await wholeConfigOf("/1.0/instances/c1"), now);
  const key = "volatile.last_state.power";
  await assertFails(daemon, await daemon.request("PUT", "/1.0/instances/c1", body, withMatch(etag)), `Config key "${key}" cannot be set: it is kept by the server`);
});

test("MAC addresses can be given to nics beforehand, and while nothing uses them", async () => {
  const [key, address] = ["volatile.eth0.hwaddr", "00:16:3e:00:00:0a"];
  await daemon.must("POST", "/1.0/instances", { name: "mac", source: { type: "none" }, config: { [key]: address, "volatile.uuid": "mine" } });
  const made = await wholeConfigOf("/1.0/instances/mac");
  assert.equal(made[key], address);
  assert.notEqual(made["volatile.uuid"], "mine");
  const config = { ...made, [key]: "00:16:3e:00:00:0b" };
  await daemon.must("PUT", "/1.0/instances/mac", { config, profiles: ["default"] });
  assert.deepEqual(await wholeConfigOf("/1.0/instances/mac"), config);
  assertError(await daemon.request("PATCH", "/1.0/instances/mac", { config: { [key]: "zz" } }), 400, `Invalid value for "${key}": "zz": it is no MAC address`);
  const last = "volatile.eth0.last_state.hwaddr";
  assertError(await daemon.request("PATCH", "/1.0/instances/mac", { config: { [last]: address } }), 400, `Config key "${last}" cannot be set: it is kept by the server`);
});

test("an instance type stands for limits, which those that are given go before", async () => {
  const make = (name: string, type: string, config = {}) => daemon.must("POST", "/1.0/instances", { name, source: { type: "none" }, instance_type: type, architecture: "", config });
  await make("sized", "c1.5-m0.5");
  await make("resized", "c2-m4", { "limits.memory": "1GiB" });
  const [sized, resized] = [await configOf("/1.0/instances/sized"), await configOf("/1.0/instances/resized")];
  assert.deepEqual([sized["limits.cpu"], sized["limits.cpu.allowance"], sized["limits.memory"]], ["2", "75%", "512MB"]);
  assert.deepEqual([resized["limits.cpu"], resized["limits.cpu.allowance"], resized["limits.memory"]], ["2", undefined, "1GiB"]);
  assert.notEqual((await daemon.must("GET", "/1.0/instances/sized")).architecture, "", "an empty one is this machine's");
  for (const type of ["t2.micro", "c1-x2", "c", "c1-", "aws:t2.micro"]) {
    const reply = await daemon.request("POST", "/1.0/instances", { name: "x1", source: { type: "none" }, instance_type: type });
    assertError(reply, 400, `Provided instance type doesn't exist: ${type}`);
  }
});

test("profiles are named once, and no two disks of an instance or a profile have one path", async () => {
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { profiles: ["default", "default"] }), 400, "Duplicate profile found in request");
  const disk = (path: string) => ({ type: "disk", source: "/tmp", path });
  const devices = { one: disk("/mnt"), two: disk("/mnt/") };
  const message = 'Device validation failed for "two": More than one disk device uses the same path "/mnt/"';
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { devices }), 400, message);
  assertError(await daemon.request("POST", "/1.0/profiles", { name: "x1", devices }), 400, message);
});

test("an instance has one root disk", async () => {
  const devices = { second: { type: "disk", path: "/", pool: "default" } };
  const message = "Invalid expanded devices: Failed detecting root disk device: More than one root device found";
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { devices }), 400, message);
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x3", devices, source: { type: "none" } }), 400, message);
  await daemon.must("POST", "/1.0/profiles", { name: "second", devices });
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { profiles: ["default", "second"] }), 400, message);
  await assertSucceeds(daemon, await daemon.request("POST", "/1.0/instances", { name: "x3", profiles: ["second"], source: { type: "none" } }));
});

test("the pool of a root disk is changed by a move only", async () => {
  const message = 'Cannot update root disk device pool name to "other"';
  const devices = { root: { type: "disk", path: "/", pool: "other" } };
  assertError(await daemon.request("PATCH", "/1.0/instances/c1", { devices }), 400, message);
});

test("a disk's source has to be there when the disk comes to an instance, unless it need not be", async () => {
  const disk = (more = {}) => ({ lost: { type: "disk", source: "/nope", path: "/x", ...more } });
  const message = 'Failed add validation for device "lost": Missing source path "/nope" for disk "lost"';
  const patch = (devices: object) => daemon.request("PATCH", "/1.0/instances/c1", { devices });
  assertError(await patch(disk()), 400, message);
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x4", devices: disk(), source: { type: "none" } }), 400, message);
  assertError(await daemon.request("GET", "/1.0/instances/x4"), 404, "Instance not found");
  assertEmpty(await patch(disk({ required: "false" })));
  assertError(await patch(disk({ required: "true" })), 400, message);
  assert.deepEqual((await daemon.must("GET", "/1.0/instances/c1")).devices.lost, disk({ required: "false" }).lost);
  assertEmpty(await patch({ lost: { type: "none" } }));
  await daemon.must("POST", "/1.0/profiles", { name: "lost", devices: disk() }); // it may be there when an instance gets it
  assertEmpty(await daemon.request("PATCH", "/1.0/instances/c1", { profiles: ["default", "lost"] })); // its own device goes before it
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x4", profiles: ["default", "lost"], source: { type: "none" } }), 400, message);
  await daemon.must("POST", "/1.0/profiles", { name: "later" });
  assertEmpty(await daemon.request("PATCH", "/1.0/instances/c1", { profiles: ["default", "later"], devices: {} }));
  await assertSucceeds(daemon, await daemon.request("PUT", "/1.0/instances/c1", { config: {}, devices: {}, profiles: ["default", "later"] }));
  assertError(await daemon.request("PATCH", "/1.0/profiles/later", { devices: disk() }), 400, message);
  assert.deepEqual((await daemon.must("GET", "/1.0/profiles/later")).devices, {});
});

test("a device that is none has no options", async () => {
  const reply = await daemon.request("PATCH", "/1.0/instances/c1", { devices: { lost: { type: "none", source: "/x" } } });
  assertError(reply, 400, /^Device validation failed for "lost": "source" is not an option of a device of type "none"/);
});

test("keys of LXD's that Berth does not do are refused with that reason, unless they switch something off", async () => {
  const patch = (config: object) => daemon.request("PATCH", "/1.0/instances/c1", { config });
  assertError(await patch({ "nvidia.runtime": "true" }), 400, 'Config key "nvidia.runtime" is not supported by Berth');
  assertEmpty(await patch({ "nvidia.runtime": "false" }));
});

test("an architecture is one that this machine runs", async () => {
  const message = /^Architecture "(pdp11|s390x)" is not supported: this machine runs \w+$/;
  const { architecture } = await daemon.must("GET", "/1.0/instances/c1");
  for (const other of ["pdp11", "s390x"]) {
    assertError(await daemon.request("PATCH", "/1.0/instances/c1", { architecture: other }), 400, message);
    assertError(await daemon.request("POST", "/1.0/instances", { name: "x5", architecture: other, source: { type: "none" } }), 400, message);
  }
  assertEmpty(await daemon.request("PATCH", "/1.0/instances/c1", { architecture: process.arch })); // another name of it
  assert.equal((await daemon.must("GET", "/1.0/instances/c1")).architecture, architecture);
});

test("names are refused with what is wrong with them", async () => {
  const make = (name: string) => daemon.request("POST", "/1.0/instances", { name, source: { type: "none" } });
  const wrong: [string, string][] = [
    ["0a", "it must start with a letter"], ["a_b", "it may hold letters, digits and dashes only"], ["a-", "it must not end with a dash"],
    ["..", "it may hold letters, digits and dashes only"], ["a".repeat(64), "it must be 1 to 63 characters long"],
  ];
  for (const [name, reason] of wrong) {
    assertError(await make(name), 400, `Invalid instance name "${name}": ${reason}`);
    assertError(await daemon.request("POST", "/1.0/instances/c1", { name }), 400, `Invalid instance name "${name}": ${reason}`);
  }
});

test("an instance that names no source is refused, as is a source that is none", async () => {
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x2" }), 400, 'Instance source type "" is not supported');
  assertError(await daemon.request("POST", "/1.0/instances", { name: "x2", source: { type: "air" } }), 400, 'Instance source type "air" is not supported');
});

test("an instance without a name gets one", async () => {
  const { resources } = await daemon.must("POST", "/1.0/instances", { source: { type: "none" } });
  assert.match(resources.instances[0], /^\/1\.0\/instances\/[a-z]+-[a-z]+$/);
});

test("an instance has the profiles of its image when none are named, and these follow their names", async () => {
  const image = await importImage(daemon, (await busyboxImages()).unified, "profiled");
  await daemon.must("POST", "/1.0/profiles", { name: "of-image", devices: (await daemon.must("GET", "/1.0/profiles/default")).devices });
  const launched = async (profiles: string[]) => {
    await daemon.must("PATCH", `/1.0/images/${image}`, { profiles });
    await daemon.must("POST", "/1.0/instances", { name: "profiled", source: { type: "image", alias: "profiled" }, devices: { root: { type: "disk", path: "/", pool: "default" } } });
    const { profiles: has } = await daemon.must("GET", "/1.0/instances/profiled");
    await daemon.must("DELETE", "/1.0/instances/profiled");
    return has;
  };
  assert.deepEqual(await launched([]), []);
  assert.deepEqual(await launched(["default", "of-image"]), ["default", "of-image"]);
  const named = async () => (await daemon.must("GET", `/1.0/images/${image}`)).profiles;
  await daemon.must("POST", "/1.0/profiles/of-image", { name: "renamed" });
  assert.deepEqual(await named(), ["default", "renamed"]);
  await daemon.must("DELETE", "/1.0/profiles/renamed");
  assert.deepEqual(await named(), ["default"]);
  await daemon.must("DELETE", `/1.0/images/${image}`);
});
