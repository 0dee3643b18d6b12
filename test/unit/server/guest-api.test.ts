// What guests are told of changes, when cloud-init runs again, and how often guests may ask.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changesFor } from "../../../server/guest-api/changes.ts";
import { Turns } from "../../../server/guest-api/turns.ts";
import { needsNewInstanceId } from "../../../server/instances/instance-id.ts";

const nothing = { config: {}, devices: {} };
const layer = (config: Record<string, string>) => ({ config, devices: {} });

test("tells a guest of the keys it may read, and of no others", () => {
  const before = layer({ "user.a": "1", "user.b": "same", "limits.memory": "1GiB", "cloud-init.user-data": "x" });
  const after = layer({ "user.b": "same", "user.c": "3", "limits.memory": "2GiB", "volatile.uuid": "u", "cloud-init.user-data": "y" });
  assert.deepEqual(changesFor(before, after).map(({ type, metadata }) => [type, ...Object.values(metadata)]), [
    ["config", "cloud-init.user-data", "x", "y"], ["config", "user.a", "1", ""], ["config", "user.c", "", "3"],
  ]);
});

test("tells a guest of devices that came, went and changed", () => {
  const devices = (map: Record<string, Record<string, string>>) => ({ config: {}, devices: map });
  const before = devices({ same: { type: "none", a: "1", b: "2" }, gone: { type: "disk" }, eth0: { type: "nic", mtu: "1400" } });
  const after = devices({ same: { b: "2", a: "1", type: "none" }, fresh: { type: "unix-char" }, eth0: { type: "nic", mtu: "1500" } });
  assert.deepEqual(changesFor(before, after).map(({ metadata }) => [metadata["name"], metadata["action"], metadata["config"]]), [
    ["eth0", "updated", { type: "nic", mtu: "1500" }], ["fresh", "added", { type: "unix-char" }], ["gone", "removed", { type: "disk" }],
  ]);
});

test("lets cloud-init run again for other data and other network cards only", () => {
  const card = (name: string, options = {}, volatile = {}) => ({ name, options: { type: "nic", ...options }, volatile });
  assert.equal(needsNewInstanceId(nothing, layer({ "cloud-init.user-data": "x" }), [], []), true);
  assert.equal(needsNewInstanceId(layer({ "user.network-config": "x" }), nothing, [], []), true);
  assert.equal(needsNewInstanceId(nothing, layer({ "user.color": "x", "cloud-init.vendor-data": "" }), [], []), false);
  assert.equal(needsNewInstanceId(nothing, nothing, [card("eth0")], [card("eth0", { mtu: "1400" })]), false);
  assert.equal(needsNewInstanceId(nothing, nothing, [card("a", {}, { name: "eth0" })], [card("b", { name: "eth0" })]), false);
  assert.equal(needsNewInstanceId(nothing, nothing, [card("eth0")], [card("eth0"), card("eth1")]), true);
  assert.equal(needsNewInstanceId(nothing, nothing, [card("eth0")], []), true);
});

test("lets a guest that asks too much wait for its turn, and none other", () => {
  const turns = new Turns(0);
  for (let i = 0; i < 200; i++) assert.equal(turns.take(0), 0);
  assert.equal(turns.take(0), 20);
  assert.equal(turns.take(0), 40);
  assert.equal(turns.take(1000), 0);
  const late = new Turns(0);
  for (let i = 0; i < 200; i++) late.take(1e9);
  assert.equal(late.take(1e9), 20);
});
