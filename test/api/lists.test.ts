// Lists: URLs and objects, nouns of old, projects and filters.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { assertError, assertSync } from "./envelopes.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.must("POST", "/1.0/profiles", { name: "web" });
  const make = (name: string, more: object) => daemon.must("POST", "/1.0/instances", { name, source: { type: "none" }, ...more });
  await make("a1", { config: { "user.role": "front end", "user.v.x": "1" }, description: "first" });
  await make("b2", { config: { "user.role": "back" }, profiles: ["default", "web"] });
  await make("c3", { ephemeral: true });
});
after(() => daemon?.[Symbol.asyncDispose]());

const list = async (query: string, noun = "instances") => assertSync(await daemon.request("GET", `/1.0/${noun}?${query}`));
const names = async (filter: string): Promise<string[]> =>
  (await list(`recursion=1&filter=${encodeURIComponent(filter)}`)).map(({ name }: { name: string }) => name);

test("a list has URLs, objects, or objects with their state", async () => {
  const urls = ["/1.0/instances/a1", "/1.0/instances/b2", "/1.0/instances/c3"];
  assert.deepEqual(await list(""), urls);
  assert.deepEqual(await list("recursion=0"), urls);
  const [one] = await list("recursion=1");
  assert.deepEqual([one.name, one.state, one.config["user.role"]], ["a1", undefined, "front end"]);
  const [full] = await list("recursion=2");
  assert.deepEqual([full.state.status, full.snapshots, full.backups], ["Stopped", null, null]);
  const { state, ...rest } = assertSync(await daemon.request("GET", "/1.0/instances/a1?recursion=1"));
  assert.equal(state.status_code, 102);
  assert.equal(rest.name, "a1");
});

test("every list of the API can give objects", async () => {
  for (const path of ["images", "images/aliases", "networks", "profiles", "projects", "storage-pools"]) {
    const urls = assertSync(await daemon.request("GET", `/1.0/${path}`));
    const objects = assertSync(await daemon.request("GET", `/1.0/${path}?recursion=1`));
    assert.deepEqual(objects.map(({ name }: { name: string }) => `/1.0/${path}/${name}`), urls);
  }
});

test("the nouns of old work, and lists keep the one that was asked for", async () => {
  assert.deepEqual(await list("", "containers"), ["/1.0/containers/a1", "/1.0/containers/b2", "/1.0/containers/c3"]);
  assert.deepEqual(await list("", "virtual-machines"), []);
  assert.deepEqual(await list("instance-type=virtual-machine"), []);
  assert.equal((await list("instance-type=container")).length, 3);
  assert.equal(assertSync(await daemon.request("GET", "/1.0/containers/a1")).name, "a1");
  assert.equal(assertSync(await daemon.request("GET", "/1.0/containers/a1/state")).status, "Stopped");
  assertError(await daemon.request("GET", "/1.0/containers/nope"), 404, "Instance not found");
});

test("no container is shown, made or changed as a virtual machine", async () => {
  const post = { name: "x", source: { type: "none" } };
  for (const [method, path, body] of [["GET", "a1"], ["GET", "a1/state"], ["PATCH", "a1", {}], ["DELETE", "a1"], ["PUT", "a1/state", { action: "start" }]] as const) {
    assertError(await daemon.request(method, `/1.0/virtual-machines/${path}`, body), 404, "Instance not found");
  }
  assertError(await daemon.request("POST", "/1.0/virtual-machines", post), 400, 'Instances of type "virtual-machine" are not supported: Berth runs containers');
  const { resources } = await daemon.must("PUT", "/1.0/virtual-machines", { state: { action: "start" } });
  assert.deepEqual(resources, { instances: [] });
  assertError(await daemon.request("GET", "/1.0/instances?instance-type=sofa"), 400, "Invalid instance type");
  assert.deepEqual(await list("recursion=sofa"), await list(""));
});

test("a project that does not exist is not found, wherever it is named", async () => {
  const paths = ["instances", "instances/a1", "instances/a1/state", "images", "images/aliases", "profiles", "profiles/default", "networks", "networks/lo"];
  for (const path of paths) assertError(await daemon.request("GET", `/1.0/${path}?project=nope`), 404, "Project not found");
  const post = { name: "x", source: { type: "none" } };
  assertError(await daemon.request("POST", "/1.0/instances?project=nope", post), 404, "Project not found");
  assert.equal((await list("project=default")).length, 3);
  assert.equal((await list("all-projects=true")).length, 3);
  assertError(await daemon.request("GET", "/1.0/instances?all-projects=true&project=default"), 400, "Cannot specify a project when requesting all projects");
});

test("a filter compares fields, whole and whatever their case", async () => {
  assert.deepEqual(await names("name eq a1"), ["a1"]);
  assert.deepEqual(await names("name eq A1"), ["a1"]);
  assert.deepEqual(await names("name eq a"), []);
  assert.deepEqual(await names("name ne a1"), ["b2", "c3"]);
  assert.deepEqual(await names("status eq stopped"), ["a1", "b2", "c3"]);
  assert.deepEqual(await names("ephemeral eq true"), ["c3"]);
  assert.deepEqual(await names("status_code eq 102 and name eq b2"), ["b2"]);
});

test("a filter joins clauses with and, or, not", async () => {
  assert.deepEqual(await names("name eq a1 or name eq c3"), ["a1", "c3"]);
  assert.deepEqual(await names("not name eq a1"), ["b2", "c3"]);
  assert.deepEqual(await names("name eq a1 and not description eq first"), []);
  assert.deepEqual(await names("name eq a1 and ephemeral eq true or name eq b2"), ["b2"]);
});

test("a filter takes quoted values, patterns and dotted names", async () => {
  assert.deepEqual(await names('config.user.role eq "front end"'), ["a1"]);
  assert.deepEqual(await names("config.user.v.x eq 1"), ["a1"]);
  assert.deepEqual(await names("expanded_devices.root.path eq /"), ["a1", "b2", "c3"]);
  assert.deepEqual(await names("name eq ^[ab]"), ["a1", "b2"]);
  assert.deepEqual(await names("name eq .*3"), ["c3"]);
  assert.deepEqual(await names("config.user.nope eq x"), []);
});

test("a filter without recursion gives URLs", async () => {
  assert.deepEqual(await list("filter=name+eq+b2"), ["/1.0/instances/b2"]);
  assert.deepEqual(await list("filter=name+eq+b2", "containers"), ["/1.0/containers/b2"]);
});

test("a filter that cannot be read is refused with its fault", async () => {
  const wrong: [string, string][] = [
    ["name", "expected FIELD eq|ne VALUE"], ["name eq", "expected FIELD eq|ne VALUE"], ["name gt 1", 'unknown operator "gt", expected eq or ne'],
    ["name eq a xor name eq b", 'expected and or or, not "xor"'], [`name eq ${"a".repeat(501)}`, "a value is too long"],
    ["name eq (a+)+b", 'the pattern "(a+)+b" repeats a repetition'],
  ];
  for (const [filter, reason] of wrong) {
    assertError(await daemon.request("GET", `/1.0/instances?filter=${encodeURIComponent(filter)}`), 400, `Invalid filter: ${reason}`);
  }
});
