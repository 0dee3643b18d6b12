// Who may do what, tried with every endpoint of the contract: a client of another project, a viewer, an operator, a stranger.
// A new endpoint is tried by itself.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { buildPath, type Endpoint, type Endpoints } from "../../server/api/endpoint.ts";
import { endpoints } from "../../server/api/index.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages, fingerprintOf } from "../helpers/images.ts";
import { type Identity, makeIdentity, Network } from "../helpers/network.ts";
import type { Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
let network: Network;
let fingerprint: string;
const clients: Record<string, Identity> = {};
const tokens: Record<string, string> = {};

before(async () => {
  daemon = await startDaemon();
  network = await Network.open(daemon);
  for (const name of ["mine", "hidden"]) await daemon.must("POST", "/1.0/projects", { name });
  for (const project of ["mine", "hidden"]) {
    const devices = { root: { type: "disk", path: "/", pool: "default" }, eth0: { type: "nic", name: "eth0", network: "berthbr0" } };
    await daemon.must("PATCH", `/1.0/profiles/default?project=${project}`, { devices });
    await daemon.must("POST", `/1.0/instances?project=${project}`, { name: `${project}-name`, source: { type: "none" } });
    await daemon.must("POST", `/1.0/instances/${project}-name/snapshots?project=${project}`, { name: `${project}-snapshot` });
    await daemon.must("POST", `/1.0/profiles?project=${project}`, { name: `${project}-name` });
  }
  const { unified } = await busyboxImages();
  await daemon.run("--project", "hidden", "image", "import", ...unified, "--alias", "hidden-alias");
  fingerprint = fingerprintOf(unified);
  for (const role of ["admin", "operator", "viewer"]) clients[role] = await network.trust(role, { restricted: true, projects: ["mine"], role });
  clients["stranger"] = makeIdentity("stranger");
  for (const role of ["admin", "operator", "viewer"]) {
    await daemon.must("POST", "/1.0/auth/identities/bearer", { name: role, projects: ["mine"], role });
    tokens[`${role} by token`] = (await daemon.must("POST", `/1.0/auth/identities/bearer/${role}/token`, {})).token;
  }
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

const table = Object.entries(endpoints as Endpoints);

/** The path of an endpoint, about things of a project that are there. */
function pathOf(endpoint: Endpoint, prefix: string, query: string): string {
  const params = Object.fromEntries([...endpoint.path.matchAll(/[:*]([a-z]+)/g)].map(([, param = ""]) => [param, param === "fingerprint" ? fingerprint : `${prefix}-${param}`]));
  return `${buildPath(endpoint.path, params)}${query}`;
}

const isUpgraded = ({ kind }: Endpoint) => kind === "websocket" || kind === "stream";

async function send(who: string, endpoint: Endpoint, path: string): Promise<Reply> {
  const headers: Record<string, string> = isUpgraded(endpoint)
    ? { connection: "Upgrade", upgrade: endpoint.kind === "stream" ? "sftp" : "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16, 1).toString("base64") }
    : {};
  if (tokens[who]) headers["authorization"] = `Bearer ${tokens[who]}`;
  const hasBody = endpoint.body !== undefined && endpoint.body !== "stream";
  return network.call(clients[who], endpoint.method, path, hasBody ? {} : undefined, { headers, timeout: 10_000 });
}

/** Refused, or nothing of what belongs to others in the answer. */
function assertTellsNothing(endpoint: Endpoint, path: string, { status, text }: Reply): void {
  const what = `${endpoint.method} ${path}: ${status} ${text.slice(0, 300)}`;
  if (status >= 400) return assert.ok([400, 403, 404, 501].includes(status), what);
  if (status === 101) return; // what events tell is looked at below
  assert.ok(endpoint.method === "GET" && (endpoint.access === "any" || endpoint.untrusted || endpoint.allProjects), what);
  assert.doesNotMatch(text, /hidden/, what);
  assert.ok(!text.includes(fingerprint), what);
}

for (const who of ["admin", "admin by token"]) for (const [where, query] of [["another project", "?project=hidden"], ["the default project", ""], ["all projects", "?all-projects=true"], ["a project there is not", "?project=nope"]] as const) {
  test(`a restricted client (${who}) gets nowhere in ${where}`, async () => {
    for (const [, endpoint] of table) {
      const path = pathOf(endpoint, "hidden", query);
      const reply = await send(who, endpoint, path);
      if (endpoint.access === "any" || (endpoint.allProjects && query.includes("all"))) assertTellsNothing(endpoint, path, reply);
      else assert.deepEqual([reply.status, endpoint.method === "HEAD" ? "not authorized" : reply.json?.error], [403, "not authorized"], `${endpoint.method} ${path}`);
    }
  });
}

for (const [role, ...may] of [["viewer", "view"], ["operator", "view", "operate"], ["viewer by token", "view"], ["operator by token", "view", "operate"]] as const) {
  test(`a client with the role ${role} does no more than its role says`, async () => {
    for (const [, endpoint] of table) {
      if (endpoint.access === "any" || may.some((access) => access === endpoint.access)) continue;
      const path = pathOf(endpoint, "mine", "?project=mine");
      const reply = await send(role, endpoint, path);
      assert.equal(reply.status, 403, `${endpoint.method} ${path}: ${reply.text.slice(0, 200)}`);
    }
    assert.equal((await send(role, endpoints.getInstance, "/1.0/instances/mine-name?project=mine")).status, 200);
  });
}

test("every endpoint that changes something needs more than to see it", () => {
  const free = ["createCertificate", "replaceCertificate", "patchCertificate", "deleteOperation"]; // they look themselves at who calls
  for (const [id, { method, access }] of table) {
    if (method === "GET" || method === "HEAD" || free.includes(id)) continue;
    assert.ok(access !== "any" && access !== "view", `${id} is for "${access}"`);
  }
});

test("a stranger gets what is public, of what strangers are let to at all", async () => {
  for (const [, endpoint] of table) {
    const path = pathOf(endpoint, "hidden", "?project=hidden");
    const reply = await send("stranger", endpoint, path);
    if (endpoint.untrusted) assertTellsNothing(endpoint, path, reply);
    else assert.equal(reply.status, 403, `${endpoint.method} ${path}: ${reply.text.slice(0, 200)}`);
  }
  assert.equal((await network.call(undefined, "GET", "/1.0/operations/any/wait")).status, 403); // nor whether there is one
});

test("public images are for everybody, others for nobody", async () => {
  const image = `/1.0/images/${fingerprint}?project=hidden`;
  const reads = [image, `/1.0/images/${fingerprint}/export?project=hidden`, "/1.0/images/aliases/hidden-alias?project=hidden"];
  for (const path of reads) assert.equal((await network.call(undefined, "GET", path)).status, 404, path);
  await daemon.must("PATCH", image, { public: true });
  for (const path of reads) assert.equal((await network.call(undefined, "GET", path)).status, 200, path);
  assert.equal((await network.call(undefined, "GET", "/1.0/images?project=hidden&recursion=1")).json.metadata.length, 1);
  assert.equal((await network.call(undefined, "DELETE", image)).status, 403);
  await daemon.must("PATCH", image, { public: false });
});

test("what lists show is what the client may see", async () => {
  const get = async (path: string) => (await network.call(clients["admin"], "GET", path)).json.metadata;
  assert.deepEqual(await get("/1.0/projects"), ["/1.0/projects/mine"]);
  assert.deepEqual(await get("/1.0/instances?all-projects=true"), ["/1.0/instances/mine-name?project=mine"]);
  for (const pool of await get("/1.0/storage-pools?recursion=1&project=mine")) {
    assert.deepEqual(Object.keys(pool.config).filter((key) => /source/.test(key)), []);
    assert.ok(!JSON.stringify(pool.used_by).includes("hidden"), String(pool.used_by));
  }
  assert.deepEqual((await get("/1.0?project=mine")).config, {});
});

test("nothing a restricted client reads in its own project names what is in others", async () => {
  for (const [, endpoint] of table) {
    if (endpoint.method !== "GET" || isUpgraded(endpoint) || endpoint.access === "admin") continue;
    for (const recursion of ["1", "2"]) {
      const path = pathOf(endpoint, "mine", `?project=mine&recursion=${recursion}`).replace(/networks\/mine-name/, "networks/berthbr0").replace(/storage-pools\/mine-[a-z]+/, "storage-pools/default");
      const { text, status } = await send("admin", endpoint, path);
      assert.ok(status < 500 || status === 501, `${path}: ${status} ${text}`);
      assert.doesNotMatch(text, /hidden/, path);
    }
  }
});

/** The events a client is told, until it closes. */
async function follow(who: string, query: string): Promise<{ heard: { type: string; project?: string; metadata: Record<string, unknown> }[]; ws: WebSocket }> {
  const socket: TLSSocket = await network.tls(clients[who]);
  const ws = new WebSocket(`ws://berth/1.0/events${query}`, { createConnection: () => socket });
  const heard: { type: string; project?: string; metadata: Record<string, unknown> }[] = [];
  ws.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString())));
  ws.on("error", () => {});
  await new Promise((resolve) => ws.once("open", resolve));
  return { heard, ws };
}

test("events are told of one's own projects, without secrets and without the server's log", async () => {
  const [admin, viewer] = [await follow("admin", "?all-projects=true"), await follow("viewer", "?project=mine")];
  await daemon.request("POST", "/1.0/certificates", { token: true, type: "client", name: "secret-token" });
  for (const project of ["hidden", "mine"]) await daemon.must("PATCH", `/1.0/instances/${project}-name?project=${project}`, { config: { "user.x": "1" } });
  await daemon.must("PUT", "/1.0/instances/mine-name?project=mine", {});
  await eventually(() => admin.heard.some(({ type, metadata }) => type === "operation" && metadata["status"] === "Success"), { what: "the end of the update is told" });
  for (const { heard, ws } of [admin, viewer]) {
    assert.ok(heard.some(({ type, project }) => type === "lifecycle" && project === "mine"));
    for (const event of heard) {
      assert.doesNotMatch(JSON.stringify(event), /hidden|secret/, event.type);
      assert.notEqual(event.type, "logging");
    }
    ws.terminate();
  }
  await assert.rejects(new Promise((resolve, reject) => {
    network.call(clients["admin"], "GET", "/1.0/events?project=hidden", undefined, {
      headers: { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16, 1).toString("base64") },
    }).then(({ status }) => (status === 403 ? reject(new Error("refused")) : resolve(status)), reject);
  }), /refused/);
});

test("tokens are for administrators of the server, and no client's operations for those of other projects", async () => {
  const token = (await daemon.request("POST", "/1.0/certificates", { token: true, type: "client", name: "mine" })).json.metadata;
  const all = await network.trust("of-default", { restricted: true, projects: ["default"] });
  const list = (await network.call(all, "GET", "/1.0/operations?recursion=1")).text;
  assert.ok(!list.includes(token.id), list);
  for (const method of ["GET", "DELETE"]) assert.equal((await network.call(all, method, `/1.0/operations/${token.id}`)).status, 404);
  for (const secret of ["", "x", "../x"]) assert.equal((await network.call(undefined, "GET", `/1.0/operations/${token.id}/wait?timeout=0&secret=${secret}`)).status, 403);
  assert.equal((await network.call(undefined, "GET", `/1.0/operations/${token.id}/wait?timeout=0&secret=${token.metadata.secret}`)).status, 200);
});

test("a revoked client's connections are cut at once, its websockets too; one that has less to do from now on loses them as well", async () => {
  for (const change of ["DELETE", "PUT"]) {
    clients["leaving"] = await network.trust("leaving", { restricted: true, projects: ["mine"] });
    const { ws } = await follow("leaving", "?project=mine");
    const idle = (await network.tls(clients["leaving"])).resume(); // who does not read is not told of the end
    const cut = Promise.all([ws, idle].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    const [{ fingerprint: print }] = (await daemon.must("GET", "/1.0/certificates?recursion=1")).filter(({ name }: { name: string }) => name === "leaving");
    await daemon.must(change, `/1.0/certificates/${print}`, change === "PUT" ? { name: "left", type: "client", restricted: true, projects: [] } : undefined);
    await cut;
    assert.equal((await network.call(clients["leaving"], "GET", "/1.0/instances?project=mine")).status, 403);
  }
});
