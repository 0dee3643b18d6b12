// Bearer tokens over the network: what one gets by them, and that none is good which is not the last that was issued.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import WebSocket from "ws";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { makeIdentity, Network } from "../helpers/network.ts";
import type { Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
let network: Network;
const all = "/1.0/auth/identities/bearer";

before(async () => {
  daemon = await startDaemon({ init: false });
  network = await Network.open(daemon);
  await daemon.must("POST", "/1.0/projects", { name: "mine" });
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

const issue = async (name: string, expiry?: string): Promise<string> => (await daemon.must("POST", `${all}/${name}/token`, expiry ? { expiry } : {})).token;

async function bearer(name: string, rights: Record<string, unknown> = {}): Promise<string> {
  await daemon.must("POST", all, { name, type: "Client token bearer", ...rights });
  return issue(name);
}

const ask = (token: string, method: string, path: string, body?: unknown, socket?: TLSSocket): Promise<Reply> =>
  network.call(undefined, method, path, body, { headers: { authorization: `Bearer ${token}` }, ...(socket ? { socket } : {}) });

const refused = [403, "Failed verifying bearer token: Token is not valid"];
async function assertRefused(token: string, what: string): Promise<void> {
  for (const path of ["/1.0", "/1.0/instances", "/1.0/images"]) {
    const { status, json } = await ask(token, "GET", path);
    assert.deepEqual([status, json.error], refused, `${what}: ${path}`);
  }
}

/** The connection of a websocket for events, by token. */
async function follow(token: string, query: string): Promise<WebSocket> {
  const socket = await network.tls();
  const ws = new WebSocket(`ws://berth/1.0/events${query}`, { createConnection: () => socket, headers: { authorization: `Bearer ${token}` } });
  await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
  return ws;
}

test("a token is worth what its identity may do, and says who it is", async () => {
  const viewer = await bearer("viewer", { projects: ["mine"], role: "viewer" });
  const server = (await ask(viewer, "GET", "/1.0?project=mine")).json.metadata;
  assert.deepEqual([server.auth, server.auth_user_name, server.auth_user_method, server.config], ["trusted", "viewer", "bearer", {}]);
  assert.ok(server.auth_methods.includes("bearer"));
  assert.deepEqual((await ask(viewer, "GET", "/1.0/projects")).json.metadata, ["/1.0/projects/mine"]);
  assert.equal((await ask(viewer, "GET", "/1.0/profiles?project=mine")).status, 200);
  for (const [method, path] of [["GET", "/1.0/profiles"], ["POST", "/1.0/profiles?project=mine"], ["GET", all], ["POST", `${all}/viewer/token`], ["PATCH", `${all}/viewer`]] as const) {
    const { status, json } = await ask(viewer, method, path, method === "GET" ? undefined : { name: "p" });
    assert.deepEqual([status, json.error], [403, "not authorized"], `${method} ${path}`);
  }
  const me = (await ask(viewer, "GET", "/1.0/auth/identities/current")).json.metadata;
  const { expires_at } = await daemon.must("GET", `${all}/viewer`);
  assert.deepEqual([me.authentication_method, me.type, me.name, me.role, me.projects, me.expires_at], ["bearer", "Client token bearer", "viewer", "viewer", ["mine"], expires_at]);
  assert.equal(new Date(expires_at).getUTCFullYear() - new Date().getUTCFullYear(), 10);
});

test("an identity without projects may do nothing, one that is not restricted everything, and a change is felt at once", async () => {
  const token = await bearer("changing");
  assert.deepEqual((await ask(token, "GET", "/1.0/projects")).json.metadata, []);
  assert.equal((await ask(token, "GET", "/1.0/instances")).status, 403);
  await daemon.must("PATCH", `${all}/changing`, { projects: ["mine"], role: "admin" });
  assert.equal((await ask(token, "POST", "/1.0/profiles?project=mine", { name: "by-bearer" })).status, 201);
  await daemon.must("PATCH", `${all}/changing`, { restricted: false });
  assert.equal((await ask(token, "PATCH", "/1.0", { config: { "user.x": "1" } })).status, 200);
  await daemon.must("PUT", `${all}/changing`, { groups: [], tls_certificate: "", restricted: true, projects: [] });
  assert.equal((await ask(token, "GET", "/1.0/instances?project=mine")).status, 403);
  assert.equal((await ask(token, "PUT", "/internal/shutdown")).status, 403);
});

test("tokens that were forged or tampered with are refused", async () => {
  const token = await bearer("victim", { restricted: false });
  const [head = "", claims = "", signature = ""] = token.split(".");
  const read = JSON.parse(Buffer.from(claims, "base64url").toString());
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  assert.equal((await ask(token, "GET", "/1.0/instances")).status, 200);
  const last = signature.at(-1) === "A" ? "B" : "A";
  const forgeries: Record<string, string> = {
    "no signature": `${head}.${claims}.`,
    "no algorithm": `${encode({ alg: "none", typ: "JWT" })}.${claims}.`,
    "another end": `${head}.${encode({ ...read, exp: read.exp + 1 })}.${signature}`,
    "one bit more": `${head}.${claims}.${signature.slice(0, -1)}${last}`,
    "a signature by what is public": `${head}.${claims}.${createHash("sha512").update(`${head}.${claims}`).digest("base64url")}`,
    "something behind it": `${token}x`,
    "itself twice": `${token},${token}`,
    "its hash": createHash("sha256").update(token).digest("hex"),
    "its identity": read.sub,
    nothing: "",
    text: "open sesame",
    "too much": "x".repeat(8000),
  };
  for (const [what, forged] of Object.entries(forgeries)) await assertRefused(forged, what);
  const basic = await network.call(undefined, "GET", "/1.0", undefined, { headers: { authorization: "Basic eDp5" } });
  assert.equal(basic.json.metadata.auth, "untrusted");
});

test("a token is good until another one is issued, until it is revoked, and until its identity is gone; no name comes back to life", async () => {
  const first = await bearer("ci", { restricted: false });
  const second = await issue("ci");
  await assertRefused(first, "another one was issued");
  assert.equal((await ask(second, "GET", "/1.0/instances")).status, 200);
  await daemon.must("DELETE", `${all}/ci/token`);
  await assertRefused(second, "it was revoked");
  const third = await issue("ci");
  await daemon.restart();
  assert.equal((await ask(third, "GET", "/1.0/instances")).status, 200);
  await daemon.must("DELETE", `${all}/ci`);
  await assertRefused(third, "the identity is gone");
  const next = await bearer("ci", { restricted: false });
  await assertRefused(third, "another identity has the name");
  assert.equal((await ask(next, "GET", "/1.0/instances")).status, 200);
});

test("a token is good until it expires, and its connections end with it", async () => {
  await bearer("brief", { restricted: false });
  const token = await issue("brief", "2S");
  const ws = await follow(token, "?all-projects=true");
  const cut = new Promise((resolve) => ws.once("close", resolve));
  await cut;
  const { status, json } = await ask(token, "GET", "/1.0");
  assert.deepEqual([status, json.error], [403, "Failed verifying bearer token: Token is not valid: token is expired"]);
  for (const expiry of ["soon", "-1d", "1", "999999y", "1d,2d", "0x1d"]) assert.equal((await daemon.request("POST", `${all}/brief/token`, { expiry })).status, 400, expiry);
});

test("websockets and SFTP take a token; they are cut with it, and refused without", async () => {
  const token = await bearer("listener", { projects: ["mine"], role: "admin" });
  const headers = { connection: "Upgrade", authorization: `Bearer ${token}` };
  const sftp = await network.call(undefined, "GET", "/1.0/instances/nope/sftp?project=mine", undefined, { headers: { ...headers, upgrade: "sftp" } });
  assert.deepEqual([sftp.status, sftp.json.error], [404, "Instance not found"]);
  for (const authorization of ["Bearer x", ""]) {
    const without = await network.call(undefined, "GET", "/1.0/instances/nope/sftp?project=mine", undefined, { headers: { ...headers, authorization, upgrade: "sftp" } });
    assert.equal(without.status, 403);
  }
  const socket = await network.tls(); // idle
  await ask(token, "GET", "/1.0", undefined, socket);
  const ws = await follow(token, "?project=mine");
  const heard: { metadata: { requestor?: unknown } }[] = [];
  ws.on("message", (data) => heard.push(JSON.parse(String(data))));
  await ask(token, "POST", "/1.0/profiles?project=mine", { name: "told" });
  await eventually(() => heard.length > 0, { what: "the change is told" });
  const { username, protocol } = (heard[0]?.metadata.requestor ?? {}) as Record<string, string>;
  assert.deepEqual([username, protocol], ["listener", "bearer"]);
  const cut = Promise.all([ws, socket].map((one) => new Promise((resolve) => one.once("close", resolve))));
  await daemon.must("DELETE", `${all}/listener/token`);
  await cut;
  await assert.rejects(follow(token, "?project=mine"), /403/);
});

test("who revokes its own token gets the answer first", async () => {
  const token = await bearer("self", { restricted: false });
  const socket = await network.tls();
  const cut = new Promise((resolve) => socket.once("close", resolve));
  assert.equal((await ask(token, "DELETE", `${all}/self/token`, undefined, socket)).status, 200);
  await cut;
  await assertRefused(token, "revoked by itself");
});

test("a connection is whose token it shows: a proxy may bring several on one", async () => {
  const [one, other] = [await bearer("one", { restricted: false }), await bearer("other", { projects: ["mine"], role: "viewer" })];
  const socket = await network.tls();
  const who = async (headers: Record<string, string>) => {
    const { auth, auth_user_name: name } = (await network.call(undefined, "GET", "/1.0?project=mine", undefined, { headers, socket })).json.metadata;
    return name ?? auth;
  };
  for (const [token, name] of [[one, "one"], [other, "other"], [one, "one"]] as const) assert.equal(await who({ authorization: `Bearer ${token}` }), name);
  assert.equal(await who({}), "untrusted");
  assert.equal((await ask(other, "GET", "/1.0/instances", undefined, socket)).status, 403);
  socket.destroy();
});

test("a certificate that is trusted goes before a token; one that is not does no harm; no name passes for a fingerprint", async () => {
  const headers = { authorization: `Bearer ${await bearer("with-certificate", { projects: ["mine"] })}` };
  const me = await network.trust("with-token");
  const who = async (identity: Parameters<typeof network.call>[0]) => (await network.call(identity, "GET", "/1.0?project=mine", undefined, { headers })).json.metadata.auth_user_method;
  assert.deepEqual([await who(me), await who(makeIdentity("stranger"))], ["tls", "bearer"]);
  const [{ fingerprint }] = await daemon.must("GET", "/1.0/certificates?recursion=1");
  for (const name of [fingerprint, "../ci", "", ".", "a b", "00000000-0000-0000-0000-000000000000", "a".repeat(64)]) {
    assert.equal((await daemon.request("POST", all, { name })).status, 400, name);
  }
  const prefix = await bearer(fingerprint.slice(0, 60), { projects: ["mine"] });
  assert.deepEqual((await ask(prefix, "GET", "/1.0/certificates?recursion=1")).json.metadata, []);
  assert.equal((await ask(prefix, "GET", `/1.0/certificates/${fingerprint}`)).status, 404);
  const current = (await network.call(me, "GET", "/1.0/auth/identities/current")).json.metadata;
  assert.deepEqual([current.authentication_method, current.id, current.type], ["tls", fingerprint, "Client certificate (unrestricted)"]);
});

test("no token is kept or told: not in the database, the log, events or lists", async () => {
  const heard: string[] = [];
  const ws = new WebSocket(`ws+unix:${daemon.socket}:/1.0/events?all-projects=true`);
  ws.on("message", (data) => heard.push(String(data)));
  await new Promise((resolve) => ws.once("open", resolve));
  const token = await bearer("secretive", { restricted: false });
  await ask(token, "PATCH", "/1.0", { config: { "user.y": "1" } });
  await ask(`${token}x`, "GET", "/1.0");
  await eventually(() => heard.some((text) => text.includes("config-updated")), { what: "the change is told" });
  ws.terminate();
  const secret = token.split(".")[2] ?? "";
  const files = readdirSync(`${daemon.dir}/database`).filter((name) => name.startsWith("berth.db"));
  const texts = [
    ...files.map((name) => readFileSync(`${daemon.dir}/database/${name}`, "latin1")), ...heard, daemon.log(), JSON.stringify(await daemon.must("GET", `${all}?recursion=1`)),
  ];
  assert.ok(texts.some((text) => text.includes(createHash("sha256").update(token).digest("hex"))), "its hash is what the database has");
  for (const text of texts) assert.ok(!text.includes(secret));
});
