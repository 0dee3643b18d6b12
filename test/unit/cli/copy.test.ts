// What `berth copy` asks the server for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { copyBody } from "../../../cli/commands/instance/copy.ts";
import { madeInstance } from "../../../cli/commands/instance/made.ts";
import { splitSnapshot } from "../../../cli/remote.ts";
import type { Operation } from "../../../server/api/operations.ts";

const source = {
  architecture: "x86_64", description: "d", profiles: ["default"], ephemeral: false, live: true,
  config: { "user.a": "1", "volatile.base_image": "abc", "volatile.uuid": "u", "volatile.last_state.power": "RUNNING", "volatile.eth0.hwaddr": "m" },
  devices: { disk0: { type: "disk", path: "/", pool: "p" }, eth0: { type: "nic", network: "n" } },
};
const plain = {
  "allow-inconsistent": false, config: [], device: [], ephemeral: false, "instance-only": false, mode: "pull", "no-profiles": false, profile: [], refresh: false,
  stateless: false, storage: "", target: "", "target-project": "",
};
const body = (values = {}, from = "c1", project = "") => copyBody(source, from, "c2", project, { ...plain, ...values });

test("a copy has what its source has, but for what the server remembers of it", () => {
  assert.deepEqual(body(), {
    name: "c2", architecture: "x86_64", description: "d", ephemeral: false, stateful: false, type: "container", profiles: ["default"],
    config: { "user.a": "1", "volatile.base_image": "abc" }, devices: source.devices,
    source: { type: "copy", source: "c1", live: true, instance_only: false, container_only: false, refresh: false, allow_inconsistent: false },
  });
  assert.equal(body({}, "c1/s0").source?.source, "c1/s0");
});

test("flags change the copy, and leave the source alone", () => {
  const changed = body({ config: ["user.a=2", "user.b=x=y"], device: ["eth0,network=o", "new,type=none"], storage: "q", profile: ["a", "b"], ephemeral: true, "instance-only": true, stateless: true });
  assert.deepEqual([changed.config, changed.profiles, changed.ephemeral], [{ "user.a": "2", "user.b": "x=y", "volatile.base_image": "abc" }, ["a", "b"], true]);
  assert.deepEqual(changed.devices, { disk0: { type: "disk", path: "/", pool: "q" }, eth0: { type: "nic", network: "o" }, new: { type: "none" } });
  assert.deepEqual([source.devices.eth0.network, source.devices.disk0.pool], ["n", "p"]);
  assert.deepEqual(body({ "no-profiles": true }).profiles, []);
  assert.deepEqual(copyBody({ ...source, devices: {} }, "c1", "c2", "", { ...plain, storage: "q" }).devices, { root: { type: "disk", path: "/", pool: "q" } });
  assert.throws(() => body({ config: ["x"] }), /Bad key=value pair: x/);
});

test("a refresh keeps what the target remembers, and is never live", () => {
  const { config, source: from } = body({ refresh: true });
  assert.deepEqual(Object.keys(config ?? {}), ["user.a", "volatile.base_image", "volatile.uuid", "volatile.eth0.hwaddr"]);
  assert.deepEqual([(from as { live?: boolean }).live, (from as { refresh?: boolean }).refresh], [false, true]);
});

test("names the source's project only when it is another one", () => {
  assert.equal(body({ "target-project": "p" }).source?.project, "default");
  assert.equal(body({ "target-project": "p" }, "c1", "q").source?.project, "q");
  assert.equal(body({ "target-project": "default" }).source?.project, undefined);
});

test("finds the name of what was made, and the parts of a snapshot's", () => {
  assert.equal(madeInstance({ resources: { instances: ["/1.0/instances/a%20b?project=p", "/1.0/instances/c1"] } } as unknown as Operation), "a b");
  assert.throws(() => madeInstance({ resources: {} } as Operation), /Failed to get the new instance name/);
  assert.deepEqual([splitSnapshot("c1"), splitSnapshot("c1/s0"), splitSnapshot("c1/")], [
    { instance: "c1", snapshot: undefined }, { instance: "c1", snapshot: "s0" }, { instance: "c1", snapshot: "" },
  ]);
});
