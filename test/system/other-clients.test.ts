// How pylxd and Ansible's lxd_container talk to a daemon, request by request.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { ExecSession } from "../helpers/exec-session.ts";
import { importBusybox } from "../helpers/guests.ts";
import { Agent, type Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
});
after(() => daemon?.[Symbol.asyncDispose]());

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
after(() => agent.destroy());

/** pylxd: keep-alive, JSON with its type, and only these statuses count as success. */
async function pylxd(method: string, path: string, body?: unknown): Promise<Reply> {
  const reply = await daemon.request(method, path, body, { agent });
  const fine = { GET: [200], PUT: [200, 202], PATCH: [200, 202], DELETE: [200, 202], POST: [200, 201, 202] }[method] ?? [];
  assert.ok(fine.includes(reply.status), `${method} ${path}: ${reply.status} ${reply.text}`);
  if (reply.status === 200) assert.equal(reply.json.type, "sync");
  return reply;
}

/** pylxd waits by GET, wait, GET. */
async function pylxdWait(reply: Reply): Promise<void> {
  assert.equal(reply.json.type, "async");
  const url: string = reply.json.operation;
  assert.match(url, /^\/1\.0\/operations\/[0-9a-f-]{36}$/);
  await pylxd("GET", url);
  await pylxd("GET", `${url}/wait`);
  const { metadata } = (await pylxd("GET", url)).json;
  assert.equal(metadata.status, "Success", metadata.err);
}

/** Ansible: no content type, a body of `null` with GET, "/wait" appended to what `operation` says. */
async function ansible(method: string, path: string, body: unknown = null): Promise<Reply["json"]> {
  const text = JSON.stringify(body);
  const reply = await daemon.request(method, path, text, { agent, headers: { "content-length": String(text.length) } });
  if (reply.json.type !== "async") return reply.json;
  const waited = await daemon.request("GET", `${reply.json.operation}/wait?timeout=30`, "null", { agent, headers: { "content-length": "4" } });
  assert.equal(waited.json.metadata.status, "Success", waited.text);
  return waited.json;
}

test("pylxd makes, starts, runs in, changes, stops and deletes an instance", async () => {
  const server = (await pylxd("GET", "/1.0")).json.metadata;
  assert.equal(server.auth, "trusted");
  assert.ok(server.api_extensions.includes("container_exec_user_group_cwd"));
  assert.equal(server.environment.server_clustered, false);
  assert.equal(typeof server.environment.certificate, "string");
  assert.equal((await daemon.request("GET", "/1.0/instances/p1", undefined, { agent })).status, 404);
  await pylxdWait(await pylxd("POST", "/1.0/instances", {
    name: "p1", architecture: null, config: { "user.made": "by hand" }, devices: null, description: null, ephemeral: null, profiles: null,
    source: { type: "image", alias: "busybox" },
  }));
  for (const action of ["start", "freeze", "unfreeze", "restart"]) {
    await pylxdWait(await pylxd("PUT", "/1.0/instances/p1/state", { action, timeout: 30, force: true }));
  }
  assert.equal((await pylxd("GET", "/1.0/instances/p1/state")).json.metadata.status, "Running");

  const session = await ExecSession.post(daemon, "p1", {
    command: ["sh", "-c", "cat; echo error >&2; exit 5"], environment: {}, "wait-for-websocket": true, interactive: false, user: null, group: null, cwd: null,
  });
  const [input, out, err] = [await session.dial("0"), await session.dial("1"), await session.dial("2")];
  input.ws.send(Buffer.from("through cat"));
  input.ws.send("");
  assert.deepEqual([await out.text(), await err.text()], ["through cat", "error\n"]);
  assert.equal(await eventually(async () => (await session.operation()).metadata.return), 5);

  const view = (await pylxd("GET", "/1.0/instances/p1")).json.metadata;
  const { name, status, status_code, created_at, last_used_at, location, type, project, expanded_config, expanded_devices, ...writable } = view;
  const saved = await pylxd("PUT", "/1.0/instances/p1", { ...writable, config: { ...writable.config, "user.more": "1" }, type, location: null });
  if (saved.json.type === "async") await pylxdWait(saved);
  const { config, profiles } = (await pylxd("GET", "/1.0/instances/p1")).json.metadata;
  assert.deepEqual([config["user.more"], config["user.made"], config["volatile.uuid"], profiles], ["1", "by hand", view.config["volatile.uuid"], ["default"]]);
  assert.deepEqual((await pylxd("GET", "/1.0/instances")).json.metadata, ["/1.0/instances/p1"]);
  assert.equal((await pylxd("GET", "/1.0/instances?recursion=1")).json.metadata[0].name, "p1");

  await pylxdWait(await pylxd("PUT", "/1.0/instances/p1/state", { action: "stop", timeout: 30, force: true }));
  await pylxdWait(await pylxd("DELETE", "/1.0/instances/p1"));
  assert.deepEqual([name, status, status_code, project], ["p1", "Running", 103, "default"]);
  assert.ok(created_at && last_used_at && expanded_config && expanded_devices && location === "none");
});

test("pylxd handles profiles, networks and aliases synchronously", async () => {
  for (const [kind, body] of [["profiles", { name: "pp", config: { "user.a": "1" } }], ["networks", { name: "pn0", config: { "ipv6.address": "none" }, description: null }]] as const) {
    const made = await pylxd("POST", `/1.0/${kind}`, body);
    assert.equal(made.status, 201);
    assert.equal(made.headers["location"], `/1.0/${kind}/${body.name}`);
    const view = (await pylxd("GET", `/1.0/${kind}/${body.name}`)).json.metadata;
    await pylxd("PUT", `/1.0/${kind}/${body.name}`, { config: view.config, description: "changed", ...("devices" in view ? { devices: view.devices } : {}) });
    assert.equal((await pylxd("GET", `/1.0/${kind}/${body.name}`)).json.metadata.description, "changed");
    await pylxd("DELETE", `/1.0/${kind}/${body.name}`);
  }
  assert.equal((await pylxd("GET", "/1.0/images/aliases/busybox")).json.metadata.name, "busybox");
});

test("Ansible finds nothing, makes a container, waits for its addresses, and lets every state follow from every other", async () => {
  const absent = await ansible("GET", "/1.0/containers/an1?project=default");
  assert.deepEqual([absent.type, absent.error_code, absent.error], ["error", 404, "Instance not found"]);
  await ansible("POST", "/1.0/containers?target=&project=default", {
    name: "an1", architecture: "x86_64", config: { "user.by": "ansible" }, devices: {}, ephemeral: false, profiles: ["default"], source: { type: "image", alias: "busybox" },
  });
  const state = async () => (await ansible("GET", "/1.0/containers/an1/state?project=default")).metadata;
  const turn = (action: string) => ansible("PUT", "/1.0/containers/an1/state?project=default", { action, timeout: 30, force: true });
  assert.equal((await state()).status, "Stopped");
  await turn("start");
  await eventually(async () => {
    const nics = Object.entries((await state()).network as Record<string, { addresses: { family: string }[] }>).filter(([name]) => name !== "lo");
    return nics.length > 0 && nics.every(([, { addresses }]) => addresses.some(({ family }) => family === "inet"));
  }, { what: "every interface has an IPv4 address" });
  for (const [action, status] of [["freeze", "Frozen"], ["unfreeze", "Running"], ["restart", "Running"], ["stop", "Stopped"]] as const) {
    await turn(action);
    assert.equal((await state()).status, status, action);
  }
  const view = (await ansible("GET", "/1.0/containers/an1")).metadata;
  await ansible("PUT", "/1.0/containers/an1?project=default", {
    architecture: view.architecture, config: { ...view.config, "limits.memory": "96MiB" }, devices: view.devices, ephemeral: view.ephemeral, profiles: view.profiles,
  });
  assert.equal((await ansible("GET", "/1.0/containers/an1")).metadata.config["limits.memory"], "96MiB");
  await ansible("POST", "/1.0/containers/an1", { name: "an2" });
  await ansible("DELETE", "/1.0/containers/an2?project=default");
  assert.equal((await ansible("GET", "/1.0/containers/an2")).type, "error");
  assert.deepEqual((await ansible("GET", "/1.0/virtual-machines")).metadata, []);
});
