// Every endpoint of the contract with what nobody should send: bounded, and the same at each run. The daemon answers all of
// it, never with a fault of its own, and holds on to nothing.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { TSchema } from "typebox";
import { type Endpoint, type Endpoints } from "../../server/api/endpoint.ts";
import { endpoints } from "../../server/api/index.ts";
import { keyTables } from "../../server/api/reference.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { Agent, type Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";
import { upgrade } from "./sockets.ts";

let daemon: Daemon;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

before(async () => {
  daemon = await startDaemon();
  await daemon.must("POST", "/1.0/instances", { name: "fuzzed", source: { type: "none" } });
});
after(async () => {
  agent.destroy();
  await daemon?.[Symbol.asyncDispose]();
});

/** Halves of surrogate pairs cannot be encoded: they become question marks. */
const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString());

/** Names that somebody might hope to get something by. */
const nasty = [
  "", ".", "..", "../..", "..%2f..", "/etc/passwd", "%2e%2e", "a/b", "a\0b", "\n", " ", "-", "--help", "default", "fuzzed", "fuzzed/../default", "$(id)", "`id`", "; id", "' OR 1=1 --", '"', "{{7*7}}",
  "constructor", "__proto__", "toString", "a".repeat(300), "é", "😀", "\u202e", "null", "true", "-1", "9".repeat(30), "1e400", "0x10", "%", "%zz", "%00", "a?b", "a#b", "a&b=c",
];
const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...nasty) }, fc.string({ maxLength: 40, unit: "binary" }), fc.string({ maxLength: 12 }));
const anything = fc.oneof({ weight: 2, arbitrary: name }, fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(null, {}, [], -1, 2 ** 53, 0.5, true));

/** Keys that mean something, so that their values are looked at. */
const knownKeys = Object.values(keyTables).flatMap((keys) => Object.keys(keys)).map((key) => key.replace("*", "x")).filter((key) => !/^core\.(https|metrics)_address$|source$/.test(key));
const deviceKeys = ["type", "path", "pool", "network", "nictype", "parent", "name", "hwaddr", "mtu", "listen", "connect", "size", "limits.read", "ipv4.address", "vlan", "major", "mode", "required"];
const deviceTypes = ["disk", "nic", "proxy", "unix-char", "unix-block", "usb", "gpu", "none", "infiniband"];
const mapKey = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...knownKeys) }, name);
const mapValue = fc.oneof({ weight: 4, arbitrary: fc.oneof(name, fc.constantFrom("true", "0", "1", "10%", "1GiB", "auto", "none", "10.1.2.1/24", "fd00::1/64", "@daily", "@never")) }, anything);
const device = fc.dictionary(fc.constantFrom(...deviceKeys), mapValue, { maxKeys: 5 }).chain((keys) => fc.constantFrom(...deviceTypes).map((type) => ({ type, ...keys })));

/** Where values name things of the machine that a test must not touch, or have the daemon wait for others. */
const kept = new Set(["source", "server", "target", "certificate", "core.https_address"]);

/** Something that a schema allows, mostly. */
function valueFor(schema: TSchema | undefined, depth = 0): fc.Arbitrary<unknown> {
  const one = schema as { type?: string; properties?: Record<string, TSchema>; items?: TSchema; anyOf?: TSchema[]; const?: unknown; patternProperties?: object } | undefined;
  if (!one || depth > 4) return anything;
  if (one.const !== undefined) return fc.constant(one.const);
  if (one.anyOf) return fc.oneof(...one.anyOf.map((part) => valueFor(part, depth + 1)));
  if (one.type === "array") return fc.oneof(fc.array(valueFor(one.items, depth + 1), { maxLength: 3 }), anything);
  if (one.type === "object" && one.properties) return objectOf(one.properties, depth);
  if (one.type === "object") return fc.dictionary(mapKey, mapValue, { maxKeys: 3 });
  if (one.type === "boolean") return fc.oneof({ weight: 4, arbitrary: fc.boolean() }, anything);
  if (one.type === "integer" || one.type === "number") return fc.oneof({ weight: 4, arbitrary: fc.integer() }, anything);
  return fc.oneof({ weight: 4, arbitrary: name }, anything);
}

function objectOf(properties: Readonly<Record<string, TSchema>>, depth: number): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).filter(([key]) => depth > 0 || !kept.has(key)).map(([key, schema]) => [key, fc.option(key === "devices" ? fc.dictionary(name, device, { maxKeys: 2 }) : valueFor(schema, depth + 1), { nil: undefined, freq: 3 })] as const);
  return fc.record(Object.fromEntries(members));
}

interface Attempt {
  path: string;
  body: string | undefined;
  headers: Record<string, string>;
}

const header = fc.constantFrom("x-lxd-type", "x-lxd-mode", "x-lxd-uid", "x-lxd-write", "x-lxd-properties", "x-lxd-fingerprint", "x-lxd-name", "x-lxd-pool", "if-match", "content-type", "range", "accept-encoding");
const headerValue = fc.oneof(fc.constantFrom("", "directory", "symlink", "0999999999", "-1", "a=b&c", "application/json", "multipart/form-data", "multipart/form-data; boundary=x", "bytes=5-1", '"'), fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\x20-\x7e]/g, "")));

function attempt(endpoint: Endpoint): fc.Arbitrary<Attempt> {
  const parts = endpoint.path.split("/").map((part) => (/^[:*]/.test(part)
    ? fc.oneof({ weight: 2, arbitrary: name.map(encode) }, { weight: 1, arbitrary: fc.constantFrom("..%2f..", "%", "%00", "%2e%2e%2f", "..") }, { weight: 3, arbitrary: fc.constantFrom("fuzzed", "default", "berthbr0") })
    : fc.constant(part)));
  const query = Object.keys(endpoint.query?.properties ?? {}).filter((key) => !kept.has(key));
  const json = endpoint.body && endpoint.body !== "stream" ? valueFor(endpoint.body).map((value) => JSON.stringify(value)) : fc.string({ maxLength: 200 });
  return fc.record({
    parts: fc.tuple(...parts),
    query: fc.dictionary(query.length > 0 ? fc.constantFrom(...query) : fc.constant("x"), name, { maxKeys: 3 }),
    body: endpoint.body ? fc.option(fc.oneof({ weight: 6, arbitrary: json }, fc.string({ maxLength: 60 })), { nil: undefined }) : fc.constant(undefined),
    headers: fc.dictionary(header, headerValue, { maxKeys: 2 }),
  }).map(({ parts: path, query: asked, body, headers }) => {
    const text = Object.entries(asked).map(([key, value]) => `${key}=${encode(value)}`).join("&");
    return { path: (path.join("/") || "/") + (text ? `?${text}` : ""), body: body ?? undefined, headers };
  });
}

/** What a daemon must not say. */
const faults = /"message":"(unexpected error|unhandled rejection)"/;
let seen = 0;

/** Looks at what it has said since the last time. */
function assertNoFault(what: string): void {
  const lines = daemon.log().split("\n");
  const bad = lines.slice(seen).find((line) => faults.test(line));
  seen = lines.length - 1;
  assert.equal(bad, undefined, what);
}
const descriptors = () => readdirSync(`/proc/${daemon.pid}/fd`).length;

function assertAnswer(reply: Reply, what: string): void {
  assert.ok(reply.status >= 200 && reply.status < 600, what);
  const code = reply.headers["berth-error-code"];
  assert.ok(reply.status < 500 || (code !== undefined && code !== "internal"), `${what}: ${reply.status} ${reply.text.slice(0, 300)}`);
  if (reply.status >= 400 && reply.text) assert.deepEqual([reply.json?.type, reply.json?.error_code], ["error", reply.status], `${what}: ${reply.text.slice(0, 300)}`);
}

async function sendsNothingHarmful(endpoint: Endpoint): Promise<void> {
  await fc.assert(fc.asyncProperty(attempt(endpoint), async ({ path, body, headers }) => {
    const what = `${endpoint.method} ${JSON.stringify(path)} ${JSON.stringify(headers)} ${body ?? ""}`;
    const reply = await daemon.request(endpoint.method, path, body, { headers, timeout: 20_000, agent });
    assertAnswer(reply, what);
    if (reply.status === 202) await ended(reply.json.operation, what);
    assert.ok(daemon.running, `berthd ended: ${what}`);
    assertNoFault(what);
  }), { seed: Number(process.env["FUZZ_SEED"] ?? 20_261), numRuns: Number(process.env["FUZZ_RUNS"] ?? 25), endOnFailure: true, interruptAfterTimeLimit: 120_000 });
}

/** What has begun is to end; what waits for somebody is ended. */
async function ended(url: string, what: string): Promise<void> {
  const waited = await daemon.request("GET", `${url}/wait?timeout=2`, undefined, { agent });
  if (waited.json?.metadata?.status_code === 103) await daemon.request("DELETE", url, undefined, { agent });
  assert.notEqual(waited.json?.metadata?.metadata?.error, "internal", what);
}

const table = Object.entries(endpoints as Endpoints).filter(([id]) => id !== "shutDown");
let atFirst = 0;

for (const [id, endpoint] of table) {
  test(`${id} (${endpoint.method} ${endpoint.path}) withstands nonsense`, async () => {
    atFirst ||= descriptors();
    if (endpoint.kind === "websocket" || endpoint.kind === "stream") {
      for (const { path } of fc.sample(attempt(endpoint), { seed: 20_261, numRuns: 15 })) {
        if (/[\s\0]/.test(path)) continue;
        assert.match(await upgrade(daemon, path, endpoint.kind === "stream" ? "sftp" : "websocket"), /^HTTP\/1\.1 (101|4\d\d) /, path);
      }
    } else await sendsNothingHarmful(endpoint);
  });
}

test("nothing is held on to afterwards", async () => {
  agent.destroy();
  assertNoFault("afterwards");
  assert.equal((await daemon.request("GET", "/1.0/instances?recursion=2")).status, 200);
  await eventually(async () => descriptors() <= atFirst + 10, { timeout: 10_000, what: `no more descriptors than before (${atFirst})` });
});
