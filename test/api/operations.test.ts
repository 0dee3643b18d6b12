// Operations and events: how work in the background is followed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";
import { assertEmpty, assertError, assertFails, assertStarted, assertSync } from "./envelopes.ts";
import { listen, openSocket, refusedUpgrade } from "./sockets.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.run("image", "import", ...(await busyboxImages()).unified, "--alias", "busybox");
  await daemon.must("POST", "/1.0/instances", { name: "c1", source: { type: "image", alias: "busybox" } });
  await daemon.must("PUT", "/1.0/instances/c1/state", { action: "start" });
});
after(() => daemon?.[Symbol.asyncDispose]());

/** An exec that goes on until its websockets have come. */
async function waiting() {
  const reply = await daemon.request("POST", "/1.0/instances/c1/exec", { command: ["true"], "wait-for-websocket": true, interactive: true });
  const url = assertStarted(reply);
  const { fds } = reply.json.metadata.metadata as { fds: Record<string, string> };
  const connect = (name: string) => openSocket(daemon, `${url}/websocket?secret=${fds[name]}`);
  return { url, operation: reply.json.metadata, finish: () => Promise.all([connect("0"), connect("control")]) };
}

const settled = () => eventually(async () => (await daemon.must("GET", "/1.0/operations")).running === undefined, { what: "nothing runs" });

test("operations are listed by their status, as URLs or whole", async () => {
  const { url, finish, operation } = await waiting();
  const { running } = assertSync(await daemon.request("GET", "/1.0/operations"));
  assert.deepEqual(running, [url]);
  const whole = assertSync(await daemon.request("GET", "/1.0/operations?recursion=1"));
  assert.equal(whole.running[0].id, operation.id);
  await finish();
  const { success } = await eventually(async () => {
    const groups = await daemon.must("GET", "/1.0/operations?recursion=1");
    return groups.running ? undefined : groups;
  });
  assert.deepEqual(success.map(({ id }: { id: string }) => id).filter((id: string) => id === operation.id), [operation.id]);
});

test("waiting gives the operation when its time is up, or when it has ended", async () => {
  const { url, finish } = await waiting();
  const since = Date.now();
  assert.equal(assertSync(await daemon.request("GET", `${url}/wait?timeout=0`)).status_code, 103);
  assert.equal(assertSync(await daemon.request("GET", `${url}/wait?timeout=1`)).status_code, 103);
  assert.ok(Date.now() - since >= 990, `${Date.now() - since} ms`);
  const end = daemon.request("GET", `${url}/wait?timeout=-1`);
  await finish();
  const ended = assertSync(await end);
  assert.deepEqual([ended.err, ended.status], ["", "Success"]);
  assertError(await daemon.request("GET", `${url}/wait?timeout=soon`), 400, 'Invalid timeout "soon"');
});

test("an operation can be read for some ten seconds after its end", { timeout: 30_000 }, async () => {
  const { id } = await daemon.must("PUT", "/1.0/instances/c1", {});
  const since = Date.now();
  await eventually(async () => (await daemon.request("GET", `/1.0/operations/${id}`)).status === 404, { every: 50, timeout: 25_000 });
  assert.ok(Date.now() - since > 9500, `${Date.now() - since} ms`);
  for (const path of ["", "/wait"]) assertError(await daemon.request("GET", `/1.0/operations/${id}${path}`), 404, "Operation not found");
});

test("what cannot be cancelled says so, and so does what has ended", async () => {
  const { url, finish } = await waiting();
  assertError(await daemon.request("DELETE", url), 400, "This operation can't be cancelled");
  await finish();
  await daemon.request("GET", `${url}/wait?timeout=10`);
  assertError(await daemon.request("DELETE", url), 400, "Only running operations can be cancelled");
});

test("an operation's websocket wants the right secret, once", async () => {
  const { url, operation } = await waiting();
  assertError(await refusedUpgrade(daemon, `${url}/websocket?secret=wrong`), 403, "not authorized");
  assertError(await refusedUpgrade(daemon, `${url}/websocket`), 400, "Missing secret");
  assertError(await daemon.request("GET", `${url}/websocket?secret=x`), 400, "This endpoint speaks websocket only: the request has no Upgrade header");
  const used = `${url}/websocket?secret=${operation.metadata.fds["0"]}`;
  await openSocket(daemon, used);
  assertError(await refusedUpgrade(daemon, used), 403, "not authorized");
  await openSocket(daemon, `${url}/websocket?secret=${operation.metadata.fds["control"]}`);
});

test("an operation without websockets takes none", async () => {
  const { id } = await daemon.must("PUT", "/1.0/instances/c1", {});
  assertError(await refusedUpgrade(daemon, `/1.0/operations/${id}/websocket?secret=x`), 400, "The operation has no websocket to connect to");
});

test("a failed operation tells its error, code and hint", async () => {
  const failed = await assertFails(daemon, await daemon.request("PUT", "/1.0/instances/c1/state", { action: "start" }), "The instance is already running");
  assert.equal(failed.metadata.error, "instance_already_running");
});

test("an operation's events are Pending, Running, Success, in that order, as text", async () => {
  await settled();
  const heard = await listen(daemon, "?type=operation");
  const { id } = await daemon.must("PUT", "/1.0/instances/c1", {});
  const mine = () => heard.events.filter(({ metadata }) => metadata.id === id);
  await eventually(() => mine().some(({ metadata }) => metadata.status === "Success"));
  heard.close();
  assert.deepEqual(mine().map(({ metadata }) => metadata.status), ["Pending", "Running", "Success"]);
  assert.deepEqual([...heard.frames], ["text"]);
  assert.deepEqual(Object.keys(heard.events[0]), ["type", "timestamp", "metadata", "location", "project"]);
  assert.deepEqual([...new Set(heard.events.map(({ type }) => type))], ["operation"]);
  assert.deepEqual([heard.events[0].location, heard.events[0].project], ["none", "default"]);
});

test("lifecycle events tell what happened, to what, and who asked", async () => {
  const heard = await listen(daemon, "?type=lifecycle");
  await daemon.must("POST", "/1.0/profiles", { name: "seen" });
  await daemon.must("POST", "/1.0/profiles/seen", { name: "renamed" });
  await daemon.must("PATCH", "/1.0/instances/c1", { config: { "user.a": "1" } });
  await eventually(() => heard.events.length >= 3);
  heard.close();
  const requestor = { username: "root", protocol: "unix", address: "@" };
  assert.deepEqual(heard.events.map(({ metadata }) => metadata), [
    { action: "profile-created", source: "/1.0/profiles/seen", requestor },
    { action: "profile-renamed", source: "/1.0/profiles/renamed", requestor, context: { old_name: "seen" } },
    { action: "instance-updated", source: "/1.0/instances/c1", requestor },
  ]);
});

test("only the types of events that were asked for come", async () => {
  const all = await listen(daemon);
  const both = await listen(daemon, "?type=operation,lifecycle");
  await daemon.request("PUT", "/1.0/instances/c1", { config: { "nope": "1" } });
  await daemon.must("PUT", "/1.0/instances/c1", {});
  await eventually(() => both.events.some(({ type }) => type === "lifecycle") && both.events.some(({ type }) => type === "operation"));
  await eventually(() => all.events.length >= both.events.length);
  all.close();
  both.close();
  assert.equal(both.events.some(({ type }) => type === "logging"), false);
});

test("events of another project are not heard", async () => {
  const other = await listen(daemon, "?type=lifecycle&project=other");
  const every = await listen(daemon, "?type=lifecycle&all-projects=true");
  await daemon.must("PATCH", "/1.0/instances/c1", { config: { "user.a": "2" } });
  await eventually(() => every.events.length > 0);
  other.close();
  every.close();
  assert.deepEqual(other.events, []);
});

test("an upgrade that is offered where there is none is no hindrance", async () => {
  const { status, json } = await refusedUpgrade(daemon, "/1.0/projects");
  assert.deepEqual([status, json.metadata], [200, ["/1.0/projects/default"]]);
});

test("a type of events that there is none of is refused before the upgrade", async () => {
  assertError(await refusedUpgrade(daemon, "/1.0/events?type=gossip"), 400, '"gossip" isn\'t a supported event type');
  assertError(await daemon.request("GET", "/1.0/events"), 400, "This endpoint speaks websocket only: the request has no Upgrade header");
});

test("listeners that are gone hold nothing up", async () => {
  const heard = await Promise.all(Array.from({ length: 20 }, () => listen(daemon)));
  for (const one of heard) one.close();
  assertEmpty(await daemon.request("PATCH", "/1.0/instances/c1", { config: { "user.a": "3" } }));
});
