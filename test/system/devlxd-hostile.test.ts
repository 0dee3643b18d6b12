// Events on /dev/lxd, and guests that mean harm with it: the daemon and other guests must not notice.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { asGuest, ask, guestSocket, nodeInGuest } from "../helpers/guest-client.ts";
import { importBusybox } from "../helpers/guests.ts";
import { booted, forceStop, launch } from "../helpers/instances.ts";
import { eventually, pause } from "../helpers/wait.ts";

const websocket = JSON.stringify(new URL("../../node_modules/ws/index.js", import.meta.url).pathname);

describe("/dev/lxd", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await startDaemon();
    await importBusybox(daemon);
    await Promise.all([launch(daemon, "good", { config: { "user.color": "red" } }), launch(daemon, "bad")]);
    await Promise.all([booted(daemon, "good"), booted(daemon, "bad")]);
  });
  after(() => daemon[Symbol.asyncDispose]());

  const set = (name: string, key: string, value: string) => daemon.must("PATCH", `/1.0/instances/${name}`, { config: { [key]: value } });
  const color = async () => (await ask(daemon, "good", "/1.0/config/user.color")).body;
  /** How long the daemon lets a client wait, at worst of several tries, in ms. */
  const delay = async () => {
    let worst = 0;
    for (let i = 0; i < 10; i++) {
      const begun = performance.now();
      await daemon.must("GET", "/1.0/instances");
      worst = Math.max(worst, performance.now() - begun);
      await pause(50);
    }
    return worst;
  };
  /** Connections to the sockets of guests; the kernel lists both ends where the caller is. */
  const connections = () => readFileSync("/proc/net/unix", "utf8").split("\n").filter((line) => line.includes(` ${daemon.dir}/devlxd/`) && / 03 +\d+ /.test(line)).length;

  test("tells a guest of changes, as lines and over a websocket", async () => {
    const count = 3;
    const lines = `let n = 0; require("http").get({ socketPath: process.argv[1], path: process.argv[2] }, (r) => { console.error("listens"); r.on("data", (d) => { process.stdout.write(d); n += String(d).split("\\n").length - 1; if (n >= ${count}) process.exit(); }); r.on("end", () => process.exit()); });`;
    const frames = `let n = 0; const ws = new (require(${websocket}))("ws+unix:" + process.argv[1] + ":" + process.argv[2]); ws.on("message", (d) => { console.log(String(d)); if (++n >= ${count}) process.exit(); }); ws.on("close", () => process.exit()); ws.on("error", (e) => { console.log(e.message); process.exit(); });`;
    const heard = [nodeInGuest(daemon, "good", lines, ["/1.0/events"]), nodeInGuest(daemon, "good", frames, ["/1.0/events?type=config,device"])];
    const other = nodeInGuest(daemon, "bad", lines, ["/1.0/events"]);
    const devices = nodeInGuest(daemon, "good", lines.replace(`>= ${count}`, ">= 2"), ["/1.0/events?type=device"]);
    await eventually(async () => connections() === 4, { what: "all listen" });
    await set("good", "user.color", "green");
    await set("good", "limits.processes", "400");
    await daemon.must("PATCH", "/1.0/instances/good", { devices: { mark: { type: "none" } } });
    await daemon.run("config", "device", "remove", "good", "mark");
    const device = (action: string) => ["device", { name: "mark", action, config: { type: "none" } }];
    const expected = [["config", { key: "user.color", old_value: "red", value: "green" }], device("added"), device("removed")];
    const parse = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line)).map(({ type, metadata, timestamp }) => [Date.parse(timestamp) > 0 && type, metadata]);
    for (const text of await Promise.all(heard)) assert.deepEqual(parse(text), expected);
    assert.deepEqual(parse(await devices), expected.slice(1));
    await forceStop(daemon, "bad");
    assert.equal(await other, "", "the other guest heard of it");
    await daemon.must("PUT", "/1.0/instances/bad/state", { action: "start", timeout: 30 });
    await booted(daemon, "bad");
    assert.equal((await ask(daemon, "good", "/1.0/events?type=lifecycle")).status, 400);
    assert.match(await nodeInGuest(daemon, "good", frames, ["/1.0/config"]), /400/);
  });

  test("drops a guest that listens and does not read", async () => {
    const deaf = `const s = require("net").connect(process.argv[1]); s.write("GET /1.0/events HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n"); s.pause();
      s.on("error", () => { console.log("dropped"); process.exit(); }); setInterval(() => s.write("\\r\\n"), 50);`;
    const dropped = nodeInGuest(daemon, "bad", deaf);
    await eventually(() => connections() === 1);
    for (let i = 0; i < 40; i++) await set("bad", "user.large", String(i).padEnd(25_000, "x"));
    assert.equal((await dropped).trim(), "dropped");
    await set("bad", "user.large", "");
  });

  test("gives a guest so many connections and no more", async () => {
    const many = `const { connect } = require("net"); let closed = 0; const all = Array.from({ length: 100 }, () => connect(process.argv[1]).on("close", () => closed++).on("error", () => {}));
      setTimeout(() => { console.log(closed); process.exit(); }, 1500);`;
    const [closed] = await Promise.all([nodeInGuest(daemon, "bad", many), pause(700).then(async () => assert.equal(await color(), "green"))]);
    assert.equal(Number(closed), 100 - 32);
    await eventually(async () => (await ask(daemon, "bad", "/")).status === 200);
  });

  test("lets a guest that asks without end wait, and others not", async () => {
    const hammer = `const http = require("http"); const agent = new http.Agent({ keepAlive: true, maxSockets: 30 }); let n = 0;
      const next = () => http.get({ socketPath: process.argv[1], path: "/1.0/config", agent }, (r) => { n++; r.resume().on("end", next); }).on("error", next);
      for (let i = 0; i < 30; i++) next(); setTimeout(() => { console.log(n); process.exit(); }, 3000);`;
    const [answered, worst] = await Promise.all([nodeInGuest(daemon, "bad", hammer), pause(500).then(delay), pause(1000).then(async () => assert.equal(await color(), "green"))]);
    assert.ok(Number(answered) > 100 && Number(answered) < 450, `${answered} answered`);
    assert.ok(worst < 1000, `${worst} ms`);
  });

  test("shuts a guest out for a while that connects without end, and serves it again", async () => {
    const flood = "use Socket; $end = time + 4; while (time < $end) { socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un($ARGV[0])); close(S) }";
    const floods = asGuest(daemon, "bad", ["perl", "-e", flood, guestSocket(daemon, "bad")]);
    const [worst] = await Promise.all([pause(1000).then(delay), pause(1500).then(async () => assert.equal(await color(), "green"))]);
    await floods;
    assert.ok(worst < 1500, `${worst} ms`);
    assert.match(daemon.log(), /a guest floods its \/dev\/lxd/);
    await eventually(async () => (await ask(daemon, "bad", "/")).status === 200, { timeout: 15_000, every: 200 });
  });

  test("survives nonsense", async () => {
    const send = (text: string) => nodeInGuest(daemon, "bad", `const s = require("net").connect(process.argv[1]); let t = ""; s.on("data", (d) => t += d); s.on("error", () => {}); s.on("close", () => { console.log(t.slice(0, 40)); process.exit(); });
      s.write(eval(process.argv[2])); setTimeout(() => { console.log(t.slice(0, 40) || "open"); process.exit(); }, 1500);`, [text]);
    const head = (first: string, rest = "") => JSON.stringify(`${first} HTTP/1.1\r\nhost: x\r\n${rest}\r\n`);
    const [bytes, headers, body, pipelined, upgraded, unread, target, chunked] = await Promise.all([
      send(`require("crypto").randomBytes(100000)`),
      send(`"GET / HTTP/1.1\\r\\n" + "x: y\\r\\n".repeat(10000) + "\\r\\n"`),
      send(`${head("PATCH /1.0", "content-length: 100000\r\n")} + "x".repeat(100000)`),
      send(`${head("GET /1.0")}.repeat(500)`),
      send(head("GET /1.0/events", "connection: upgrade\r\nupgrade: websocket\r\n")),
      send(`${head("GET /1.0", "content-length: 1000000\r\n")} + "x".repeat(1000)`),
      send(head("GET http://other/1.0")),
      send(`${head("PATCH /1.0", "transfer-encoding: chunked\r\n")} + "ffffffffffffff\\r\\n"`),
    ]);
    assert.doesNotMatch(bytes, /200/);
    assert.doesNotMatch(headers, /200/);
    assert.match(body, /^HTTP\/1.1 413 /);
    assert.doesNotMatch(pipelined, /200/);
    assert.match(upgraded, /^HTTP\/1.1 400 /);
    assert.match(unread, /^HTTP\/1.1 200 /);
    assert.match(target, /^HTTP\/1.1 404 /);
    assert.doesNotMatch(chunked, /200/);
    assert.equal(await color(), "green");
    await eventually(() => connections() === 0, { timeout: 15_000, what: "no connection is left" });
  });
});
