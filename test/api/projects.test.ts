// Projects: names, features, what is in them, and their limits.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { assertCreated, assertEmpty, assertError, assertFails, assertSucceeds, assertSync } from "./envelopes.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon?.[Symbol.asyncDispose]());

const root = { root: { type: "disk", path: "/", pool: "default" } };
const make = (project: string, config: Record<string, string> = {}) => daemon.must("POST", "/1.0/projects", { name: project, config });
/** A project whose default profile has a root disk. */
async function ready(project: string, config: Record<string, string> = {}): Promise<void> {
  await make(project, config);
  await daemon.must("PATCH", `/1.0/profiles/default?project=${project}`, { devices: root });
}
const post = (project: string, name: string, more: object = {}) => daemon.request("POST", `/1.0/instances?project=${project}`, { name, source: { type: "none" }, ...more });
const patch = (project: string, config: Record<string, string>) => daemon.request("PATCH", `/1.0/projects/${project}`, { config });
const show = async (path: string) => assertSync(await daemon.request("GET", path));

test("names that could not be a part of instances' names are refused, LXD's reasons in LXD's words", async () => {
  const wrong: [string, string | RegExp][] = [
    ["", "No name provided"], ["a/b", "Project names may not contain slashes"], ["a b", "Project names may not contain spaces"],
    ["a_b", "Project names may not contain underscores"], ["a'b", "Project names may not contain quotes"], ["*", "Reserved project name"], ["..", 'Invalid project name ".."'],
    ["a.b", /^Invalid project name "a\.b": it may hold/], ["ä", /^Invalid project name/], ["a\nb", "Project names may not contain spaces"], ["a".repeat(64), /^Invalid project name/], ["-a", /^Invalid/],
  ];
  for (const [name, message] of wrong) assertError(await daemon.request("POST", "/1.0/projects", { name }), 400, message);
  await make("named");
  assertError(await daemon.request("POST", "/1.0/projects", { name: "named" }), 409, 'A project named "named" already exists');
  await assertFails(daemon, await daemon.request("POST", "/1.0/projects/named", { name: "a_b" }), "Project names may not contain underscores");
  await assertFails(daemon, await daemon.request("POST", "/1.0/projects/named", { name: "default" }), 'A project named "default" already exists');
});

test("a new project has what LXD's have, and a default profile of its own, which is empty", async () => {
  assertCreated(await daemon.request("POST", "/1.0/projects", { name: "fresh", description: "d" }), "/1.0/projects/fresh");
  assert.deepEqual(await show("/1.0/projects/fresh"), {
    name: "fresh", description: "d", config: { "features.images": "true", "features.profiles": "true", "features.storage.volumes": "true" },
    used_by: ["/1.0/profiles/default?project=fresh"],
  });
  assert.deepEqual((await show("/1.0/profiles/default?project=fresh")).devices, {});
  assertError(await post("fresh", "c1"), 400, "Failed creating instance record: No root device could be found");
  assert.deepEqual(await show("/1.0/instances?project=fresh"), []);
});

test("without profiles, images or networks of its own it has those of the default project", async () => {
  await make("shared", { "features.profiles": "false", "features.images": "false" });
  assert.deepEqual(await show("/1.0/profiles?project=shared"), ["/1.0/profiles/default"]);
  assert.equal((await post("shared", "c1")).status, 202);
  await assertSucceeds(daemon, await post("shared", "c2"));
  const { expanded_devices: devices } = await show("/1.0/instances/c2?project=shared");
  assert.equal(devices.eth0.network, "berthbr0");
  const urls = ["/1.0/instances/c1?project=shared", "/1.0/instances/c2?project=shared"];
  assert.deepEqual((await show("/1.0/profiles/default")).used_by, urls);
  assert.deepEqual((await show("/1.0/networks/berthbr0")).used_by, [...urls, "/1.0/profiles/default"]);
  assert.ok((await show("/1.0/storage-pools/default")).used_by.includes(urls[1]));
  assert.deepEqual((await show("/1.0/projects/shared")).used_by, urls);
  // A change of the profile reaches them.
  assertEmpty(await daemon.request("PATCH", "/1.0/profiles/default", { config: { "user.x": "1" } }));
  assert.equal((await show("/1.0/instances/c2?project=shared")).expanded_config["user.x"], "1");
});

test("with networks of its own a project has none, as bridges belong to the machine", async () => {
  await make("nets", { "features.networks": "true", "limits.networks": "1" });
  assert.deepEqual(await show("/1.0/networks?project=nets"), []);
  assertError(await daemon.request("GET", "/1.0/networks/berthbr0?project=nets"), 404, "Network not found");
  const reply = await daemon.request("POST", "/1.0/networks?project=nets", { name: "br9" });
  assertError(reply, 400, "Network type does not support non-default projects");
  assert.match(decodeURIComponent(String(reply.headers["berth-error-hint"])), /features\.networks=false/);
  const nic = { devices: { ...root, eth0: { type: "nic", network: "berthbr0" } } };
  assertError(await post("nets", "c1", nic), 400, /berthbr0/);
});

test("features stay as they are while something is in a project", async () => {
  await ready("fixed");
  assertEmpty(await patch("fixed", { "features.images": "false" }));
  await assertSucceeds(daemon, await post("fixed", "c1"));
  assertError(await patch("fixed", { "features.images": "true" }), 400, 'Project feature "features.images" cannot be enabled on non-empty projects');
  assertError(await patch("fixed", { "features.profiles": "" }), 400, 'Project feature "features.profiles" cannot be disabled on non-empty projects');
  await make("loose", { "features.profiles": "false" });
  assertEmpty(await patch("loose", { "features.profiles": "true" }));
  assert.deepEqual(await show("/1.0/profiles?project=loose"), ["/1.0/profiles/default?project=loose"]);
  for (const value of ["false", "true"]) assertEmpty(await patch("loose", { "features.profiles": value }));
  assert.deepEqual((await show("/1.0/projects/loose")).used_by, ["/1.0/profiles/default?project=loose"]);
});

test("only empty projects are renamed and deleted, and the error says what is there", async () => {
  await ready("full");
  await assertSucceeds(daemon, await post("full", "c1"));
  const reply = await daemon.request("DELETE", "/1.0/projects/full");
  assertError(reply, 400, "Only empty projects can be removed");
  assert.match(decodeURIComponent(String(reply.headers["berth-error-hint"])), /\/1\.0\/instances\/c1\?project=full/);
  await assertFails(daemon, await daemon.request("POST", "/1.0/projects/full", { name: "empty" }), "Only empty projects can be renamed");
  await daemon.must("DELETE", "/1.0/instances/c1?project=full");
  await assertSucceeds(daemon, await daemon.request("POST", "/1.0/projects/full", { name: "empty" }));
  // One of the old name has nothing of it: also not what was remembered.
  await make("full");
  assert.deepEqual((await show("/1.0/profiles/default?project=full")).devices, {});
  assert.deepEqual((await show("/1.0/profiles/default?project=empty")).devices, root);
  assertEmpty(await daemon.request("DELETE", "/1.0/projects/empty"));
});

const limited = { "limits.cpu": "2", "limits.memory": "1GiB", "limits.processes": "100", "limits.disk": "10GiB" };
const share = { config: { "limits.cpu": "1", "limits.memory": "512MiB", "limits.processes": "50" }, devices: { root: { ...root.root, size: "4GiB" } } };

test("what all instances have together stays within the project's limits, and each must say what it has", async () => {
  await ready("sums", limited);
  const lacking = { "limits.cpu": "limits.cpu", "limits.memory": "limits.memory", "limits.processes": "limits.processes" };
  for (const key of Object.keys(lacking)) {
    const config = Object.fromEntries(Object.entries(share.config).filter(([one]) => one !== key));
    assertError(await post("sums", "c1", { ...share, config }), 403, `Instance "c1" in project "sums" has no "${key}" config, either directly or via a profile`);
  }
  assertError(await post("sums", "c1", { config: share.config }), 403, 'Instance "c1" in project "sums" has no "size" config set on the root device either directly or via a profile');
  assertError(await post("sums", "c1", { ...share, config: { ...share.config, "limits.memory": "10%" } }), 403, /Value can't be a percentage$/);
  assertError(await post("sums", "c1", { ...share, config: { ...share.config, "limits.cpu": "0-1" } }), 403, /CPUs can't be pinned if project limits are used$/);
  await assertSucceeds(daemon, await post("sums", "c1", share));
  await assertSucceeds(daemon, await post("sums", "c2", share));
  assertError(await post("sums", "c3", share), 403, 'Reached maximum aggregate value "2" for "limits.cpu" in project "sums"');
  assert.equal((await daemon.request("GET", "/1.0/instances/c3?project=sums")).status, 404);
  const more = await daemon.request("PATCH", "/1.0/instances/c2?project=sums", { config: { "limits.memory": "513MiB" } });
  assertError(more, 403, 'Reached maximum aggregate value "1GiB" for "limits.memory" in project "sums"');
  assert.match(decodeURIComponent(String(more.headers["berth-error-hint"])), /c1 \(512MiB\), c2 \(513MiB\)/);
  assert.equal((await show("/1.0/instances/c2?project=sums")).config["limits.memory"], "512MiB");
  const { resources } = await show("/1.0/projects/sums/state");
  assert.deepEqual(resources, {
    instances: { Limit: -1, Usage: 2 }, containers: { Limit: -1, Usage: 2 }, "virtual-machines": { Limit: -1, Usage: 0 }, cpu: { Limit: 2, Usage: 2 },
    disk: { Limit: 10 * 2 ** 30, Usage: 8 * 2 ** 30 }, memory: { Limit: 2 ** 30, Usage: 2 ** 30 }, processes: { Limit: 100, Usage: 100 }, networks: { Limit: -1, Usage: 0 },
  });
});

test("a profile cannot give instances more than their project has", async () => {
  await make("viaprofile", { "limits.processes": "100" });
  await daemon.must("PATCH", "/1.0/profiles/default?project=viaprofile", { devices: root, config: { "limits.processes": "50" } });
  for (const name of ["c1", "c2"]) await assertSucceeds(daemon, await post("viaprofile", name));
  const path = "/1.0/profiles/default?project=viaprofile";
  assertError(await daemon.request("PATCH", path, { config: { "limits.processes": "51" } }), 403, 'Reached maximum aggregate value "100" for "limits.processes" in project "viaprofile"');
  assert.equal((await show(path)).config["limits.processes"], "50");
  assertError(await daemon.request("PATCH", path, { config: { "limits.processes": "" } }), 403, /has no "limits.processes" config/);
});

test("a limit cannot be set below what is there", async () => {
  assertError(await patch("sums", { "limits.cpu": "1" }), 400, '"limits.cpu" is too low: current total is "2"');
  assertError(await patch("sums", { "limits.memory": "100MiB" }), 400, '"limits.memory" is too low: current total is "1.0GiB"');
  assertError(await patch("sums", { "limits.instances": "1" }), 400, '"limits.instances" is too low: there currently are 2 total instances in project "sums"');
  assertError(await patch("sums", { "limits.containers": "0" }), 400, '"limits.containers" is too low: there currently are 2 instances of type container in project "sums"');
  assertEmpty(await patch("sums", { "limits.cpu": "3", "limits.instances": "2" }));
  await ready("unsaid");
  await assertSucceeds(daemon, await post("unsaid", "c1"));
  assertError(await patch("unsaid", { "limits.memory": "1GiB" }), 403, /^Instance "c1" in project "unsaid" has no "limits.memory" config/);
});

test("of instances that are made at once no more come to be than the project may have", async () => {
  await ready("many", { "limits.instances": "3" });
  const replies = await Promise.all(Array.from({ length: 8 }, (_, i) => post("many", `c${i}`)));
  const refused = replies.filter(({ status }) => status !== 202);
  assert.equal(refused.length, 5);
  for (const reply of refused) assertError(reply, 403, 'Reached maximum number of instances in project "many"');
  for (const reply of replies.filter(({ status }) => status === 202)) await daemon.must("GET", `${reply.json.operation}/wait`);
  assert.equal((await show("/1.0/instances?project=many")).length, 3);
});

test("an instance that moves or is copied into a project counts there", async () => {
  await ready("tight", { "limits.containers": "1" });
  await ready("wide");
  for (const name of ["a", "b"]) await assertSucceeds(daemon, await post("wide", name));
  const move = (name: string) => daemon.request("POST", `/1.0/instances/${name}?project=wide`, { name, migration: true, live: true, project: "tight" });
  await assertSucceeds(daemon, await move("a"));
  assertError(await move("b"), 403, 'Reached maximum number of instances of type "container" in project "tight"');
  const copy = { name: "b2", source: { type: "copy", source: "b", project: "wide" } };
  assertError(await daemon.request("POST", "/1.0/instances?project=tight", copy), 403, 'Reached maximum number of instances of type "container" in project "tight"');
  assert.deepEqual(await show("/1.0/instances?project=tight"), ["/1.0/instances/a?project=tight"]);
});

test("projects are after a restart what they were before it", async () => {
  const before = await show("/1.0/projects?recursion=1");
  await daemon.restart();
  assert.deepEqual(await show("/1.0/projects?recursion=1"), before);
});
