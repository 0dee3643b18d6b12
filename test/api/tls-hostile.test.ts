// Slow, idle and broken clients of the network side: they cost little, and are gone after a while.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type Identity, makeIdentity, Network } from "../helpers/network.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
let network: Network;
let me: Identity;

before(async () => {
  daemon = await startDaemon({ init: false });
  network = await Network.open(daemon);
  me = await network.trust("me");
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

const descriptors = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]) / 1024;

/** Milliseconds until the other side has ended a connection. */
function life(socket: Socket | TLSSocket): Promise<number> {
  const start = Date.now();
  socket.on("error", () => {});
  socket.resume();
  return new Promise((resolve) => socket.once("close", () => resolve(Date.now() - start)));
}

test("who is slow is shown out: in the handshake, with the head of a request, with a body", async () => {
  const mute = await network.plain();
  const half = await network.tls();
  half.write("GET /1.0 HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  const drip = setInterval(() => half.write("a"), 300);
  const idle = await network.tls(me); // connected, and says nothing
  const body = await network.tls();
  body.write('POST /1.0/certificates HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"a":');
  let answer = "";
  body.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  const times = await Promise.all([mute, half, idle, body].map(life));
  clearInterval(drip);
  for (const ms of times) assert.ok(ms > 1000 && ms < 20_000, `they lived ${times.join(", ")} ms`);
  assert.match(answer, /^HTTP\/1\.1 408 /);
});

test("a thousand idle connections cost little, and others are served meanwhile", async () => {
  const before = { memory: residentMiB(), descriptors: descriptors() };
  const sockets: TLSSocket[] = [];
  for (let i = 0; i < 1000; i += 50) sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => network.tls()))));
  assert.equal((await network.call(me, "GET", "/1.0/instances")).status, 200);
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
  const grown = residentMiB() - before.memory;
  assert.ok(grown < 250, `${grown} MiB`);
  for (const socket of sockets) socket.destroy();
  await eventually(async () => descriptors() <= before.descriptors + 5, { timeout: 10_000, what: "the connections are closed" });
});

test("a flood of passwords is bounded, and does not hold up the daemon", async () => {
  await daemon.must("PATCH", "/1.0", { config: { "core.trust_password": "right" } });
  const stranger = makeIdentity("stranger");
  const tries = Promise.all(Array.from({ length: 60 }, () => network.call(stranger, "POST", "/1.0/certificates", { type: "client", password: "wrong" })));
  const start = Date.now();
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
  assert.ok(Date.now() - start < 3000);
  const statuses = (await tries).map(({ status }) => status);
  assert.ok(statuses.every((status) => status === 403 || status === 429), statuses.join(" "));
  assert.ok(statuses.includes(429));
});

test("what is no TLS, an old version of it, or no HTTP is refused without harm", async () => {
  for (const bytes of ["GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff", "\0".repeat(5000), "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"]) {
    const socket = await network.plain();
    socket.end(Buffer.from(bytes, "latin1"));
    await life(socket);
  }
  await assert.rejects(network.tls(undefined, { maxVersion: "TLSv1.2" }));
  for (const text of ["\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", `GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(5000)}\r\n`, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]) {
    const socket = await network.tls();
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.end(text);
    await life(socket);
    assert.match(answer, /^$|^HTTP\/1\.1 4\d\d /, text.slice(0, 60));
  }
  assert.equal((await network.call(me, "GET", "/1.0")).status, 200);
});

test("large and strange bodies are refused", async () => {
  const big = JSON.stringify({ name: "x".repeat(100_000), type: "client" });
  const refused = await network.call(undefined, "POST", "/1.0/certificates", big);
  assert.equal(refused.status, 413);
  const cases: [unknown, number][] = [
    [`{"config":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, 400], ["{".repeat(100), 400], ["\xff\xfe", 400], ["[]", 400], ['"text"', 400], ["7", 400],
    ['{"name":"a","name":{"b":1},"type":"client"}', 400], ['{"__proto__":{"admin":true},"type":"client"}', 400], [{ type: ["client"] }, 400], [{ type: "client", projects: "default" }, 400],
    [{ type: "client", certificate: "AAAA" }, 400], [{ type: "client", certificate: "not base64!" }, 400], [{ type: "server", certificate: me.base64 }, 400],
  ];
  for (const [body, status] of cases) {
    const reply = await network.call(me, "POST", "/1.0/certificates", body, { headers: { "content-type": "application/json" } });
    assert.deepEqual([reply.status, reply.json?.type], [status, "error"], `${JSON.stringify(body).slice(0, 80)}: ${reply.text.slice(0, 200)}`);
  }
});

test("certificates that are not good yet or no longer are strangers, and cannot be added", async () => {
  const year = 365.25 * 24 * 3600 * 1000;
  for (const [from, sentence] of [[new Date(Date.now() - 11 * year), "The provided certificate is expired"], [new Date(Date.now() + year), "The provided certificate isn't valid yet"]] as const) {
    const identity = makeIdentity("late", from);
    const reply = await daemon.request("POST", "/1.0/certificates", { type: "client", certificate: identity.base64 });
    assert.deepEqual([reply.status, reply.json.error], [400, sentence]);
    assert.equal((await network.call(identity, "GET", "/1.0")).json.metadata.auth, "untrusted");
  }
});

test("websockets that break the rules are closed, and no one else is disturbed", async () => {
  const before = descriptors();
  const head = (extra = "") => `GET /1.0/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16, 1).toString("base64")}\r\n${extra}\r\n`;
  const frames = {
    unmasked: Buffer.from([0x81, 0x01, 0x41]), "reserved bits": Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), "an unknown kind": Buffer.from([0x83, 0x80, 0, 0, 0, 0]),
    "a long control frame": Buffer.from([0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0]), "a size without end": Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
    "a size above the limit": Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0]), "no UTF-8": Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), noise: Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  };
  for (const [what, bytes] of Object.entries(frames)) {
    const socket = await network.tls(me);
    socket.write(Buffer.concat([Buffer.from(head()), bytes]));
    assert.ok((await life(socket)) < 5000, what);
  }
  for (const extra of ["Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: a, b\r\n", `X: ${"y".repeat(9000)}\r\n`]) {
    const socket = await network.tls(me);
    socket.write(head(extra));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(answer.toString(), /permessage-deflate/i);
    socket.destroy();
  }
  assert.equal((await network.call(me, "GET", "/1.0")).status, 200);
  await eventually(() => descriptors() <= before + 5, { what: "the sockets are closed" });
});
