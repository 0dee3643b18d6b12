// Proxy devices: what is said to one side is heard on the other, whatever happens to daemon, forwarder and guest.
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, inGuest, launch } from "../helpers/guests.ts";
import { act, initOf } from "../helpers/instances.ts";
import { NetPeer } from "../helpers/net-peer.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const [one, two, fixed] = ["a", "b", "c"].map((letter) => `px${process.pid}${letter}`) as [string, string, string];
let daemon: Daemon;
let host: NetPeer;
let guest: NetPeer;
let init: number;

before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await Promise.all([launch(daemon, one), launch(daemon, two)]);
  init = await initOf(daemon, one);
  host = NetPeer.on(daemon);
  guest = NetPeer.in(init);
});
after(async () => {
  await host?.[Symbol.asyncDispose]();
  await guest?.[Symbol.asyncDispose]();
  if (daemon?.running) {
    await daemon.deleteInstances();
    assert.deepEqual(await remains(daemon, new RegExp(`^px${process.pid}`)), []);
  }
  await daemon?.[Symbol.asyncDispose]();
});

const long = "0123456789".repeat(300_000);
type Options = Record<string, string>;
const devicesOf = async (name: string): Promise<Record<string, Options>> => (await daemon.must("GET", `/1.0/instances/${name}`)).devices;
async function setDevices(name: string, devices: Record<string, Options>): Promise<void> {
  await daemon.must("PUT", `/1.0/instances/${name}`, { ...(await daemon.must("GET", `/1.0/instances/${name}`)), devices });
}
const proxy = (listen: string, connect: string, more: Options = {}): Options => ({ type: "proxy", listen, connect, ...more });
const add = async (name: string, device: string, options: Options) => setDevices(name, { ...(await devicesOf(name)), [device]: options });
const clear = (name: string) => setDevices(name, {});
const forwarder = () => Number(readFileSync(`${daemon.dir}/proxies/pid`, "utf8"));

afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await clear(one);
  await clear(two);
  assert.equal(existsSync(`${daemon.dir}/proxies`), false, "the forwarder has gone with its last proxy");
});

test("tcp from the host to the guest, both halves of the connection for themselves", async () => {
  await using _closed = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:81") };
  await add(one, "web", proxy("tcp:127.0.0.1:8081", "tcp:127.0.0.1:81"));
  assert.equal(await host.ask("tcp:127.0.0.1:8081", "hello"), "hello");
  assert.ok(await host.ask("tcp:127.0.0.1:8081", long) === long);
});

test("tcp from the guest to the host, over both families", async () => {
  await using _four = { [Symbol.asyncDispose]: await host.serve("tcp:127.0.0.1:82") };
  await using _six = { [Symbol.asyncDispose]: await host.serve("tcp:::1:82") };
  await add(one, "out", proxy("tcp:[::1]:8082", "tcp:[::1]:82", { bind: "instance" }));
  await add(one, "out4", proxy("tcp:127.0.0.1:8082", "tcp:127.0.0.1:82", { bind: "container" }));
  assert.equal(await guest.ask("tcp:::1:8082", "six"), "six");
  assert.equal(await guest.ask("tcp:127.0.0.1:8082", "four"), "four");
  await assert.rejects(host.ask("tcp:127.0.0.1:8082", "x"), /ECONNREFUSED/);
});

test("udp both ways, each client with answers of its own", async () => {
  await using _guest = { [Symbol.asyncDispose]: await guest.serve("udp:127.0.0.1:83", { name: "guest " }) };
  await using _host = { [Symbol.asyncDispose]: await host.serve("udp:127.0.0.1:84", { name: "host " }) };
  await add(one, "in", proxy("udp:127.0.0.1:8083", "udp:127.0.0.1:83"));
  await add(one, "out", proxy("udp:127.0.0.1:8084", "udp:127.0.0.1:84", { bind: "instance" }));
  assert.deepEqual(await Promise.all(["a", "b", "c"].map((text) => host.ask("udp:127.0.0.1:8083", text))), ["guest a", "guest b", "guest c"]);
  assert.equal(await guest.ask("udp:127.0.0.1:8084", "d"), "host d");
});

/** As long as a name can be: Node fills shorter ones up with NULs. */
const abstract = (name: string) => `@${name}`.padEnd(108, "-");

for (const [from, to] of [["tcp:127.0.0.1:8090", "unix:/tmp/a.sock"], ["unix:HOST/b.sock", "tcp:127.0.0.1:90"], ["unix:HOST/c.sock", "unix:/tmp/c.sock"],
  [`unix:${abstract("host")}`, `unix:${abstract("guest")}`]] as const) {
  test(`${from} of the host leads to ${to} of the guest`, async () => {
    const listen = from.replace("HOST", daemon.dir);
    await using _server = { [Symbol.asyncDispose]: await guest.serve(to.replace("unix:/", `unix:/proc/${init}/root/`)) };
    await add(one, "x", proxy(listen, to));
    assert.equal(await host.ask(listen, "hello"), "hello");
    assert.ok(await host.ask(listen, long) === long);
    await clear(one);
    if (listen.includes("/b")) assert.equal(existsSync(listen.slice(5)), false);
  });
}

for (const [from, to] of [["unix:/tmp/d.sock", "unix:HOST/d.sock"], [`unix:${abstract("of-guest")}`, "tcp:127.0.0.1:91"]] as const) {
  test(`${from} of the guest leads to ${to} of the host`, async () => {
    await using _server = { [Symbol.asyncDispose]: await host.serve(to.replace("HOST", daemon.dir)) };
    await add(one, "x", proxy(from, to.replace("HOST", daemon.dir), { bind: "instance" }));
    assert.equal(await guest.ask(from.replace("unix:/", `unix:/proc/${init}/root/`), "hello"), "hello");
    await clear(one);
    assert.equal(existsSync(`/proc/${init}/root/tmp/d.sock`), false);
  });
}

test("streams to datagrams", async () => {
  await using _server = { [Symbol.asyncDispose]: await guest.serve("udp:127.0.0.1:92", { name: "got " }) };
  await add(one, "x", proxy("tcp:127.0.0.1:8092", "udp:127.0.0.1:92"));
  assert.equal(await host.ask("tcp:127.0.0.1:8092", "hello", { hold: true }), "got hello");
});

test("a PROXY header tells the server who its client is", async () => {
  await using _server = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:95") };
  await add(one, "x", proxy("tcp:[::]:8095", "tcp:127.0.0.1:95", { proxy_protocol: "true" }));
  await add(one, "y", proxy(`unix:${daemon.dir}/y.sock`, "tcp:127.0.0.1:95", { proxy_protocol: "true" }));
  for (const [address, family] of [["127.0.0.1", "TCP4"], ["::1", "TCP6"]] as const) {
    const { text, from } = await host.askFrom(`tcp:${address}:8095`, "GET /");
    const [client, port] = from.split(" ");
    assert.equal(text, `PROXY ${family} ${client} ${address} ${port} 8095\r\nGET /`);
  }
  assert.equal(await host.ask(`unix:${daemon.dir}/y.sock`, "GET /"), "PROXY UNKNOWN\r\nGET /");
});

test("ranges: as many ports as there are targets, or all to one", async () => {
  await using _a = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:101", { service: "name", name: "a" }) };
  await using _b = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:102", { service: "name", name: "b" }) };
  await add(one, "each", proxy("tcp:127.0.0.1:8101-8102", "tcp:127.0.0.1:102,101"));
  await add(one, "all", proxy("tcp:127.0.0.1:8110,8111-8112", "tcp:127.0.0.1:101"));
  const answers = await Promise.all([8101, 8102, 8110, 8112].map((port) => host.ask(`tcp:127.0.0.1:${port}`, "?")));
  assert.deepEqual(answers, ["b", "a", "a", "a"]);
});

test("the socket's file has the owner and mode that were asked for, on either side", async () => {
  const file = `${daemon.dir}/owned.sock`;
  await add(one, "h", proxy(`unix:${file}`, "tcp:127.0.0.1:1", { uid: "1234", gid: "5678", mode: "0660" }));
  const { uid, gid, mode } = lstatSync(file);
  assert.deepEqual([uid, gid, mode & 0o7777], [1234, 5678, 0o660]);
  await add(one, "g", proxy("unix:/tmp/owned.sock", "tcp:127.0.0.1:1", { bind: "instance", uid: "1000", gid: "1000" }));
  assert.equal(await inGuest(daemon, one, "stat -c '%u %g %a %F' /tmp/owned.sock"), "1000 1000 644 socket");
});

test("a server sees the guest's root, or whom security.uid and security.gid name, on either side", async () => {
  const inside = `unix:/proc/${init}/root/tmp/who.sock`;
  await using _guest = { [Symbol.asyncDispose]: await guest.serve(inside, { service: "who" }) };
  await using _host = { [Symbol.asyncDispose]: await host.serve(`unix:${daemon.dir}/who.sock`, { service: "who" }) };
  chmodSync(`${daemon.dir}/who.sock`, 0o666);
  await inGuest(daemon, one, "chmod 666 /tmp/who.sock");
  await add(one, "first", proxy("tcp:127.0.0.1:8180", "unix:/tmp/who.sock"));
  await add(one, "user", proxy("tcp:127.0.0.1:8181", "unix:/tmp/who.sock", { "security.uid": "1000", "security.gid": "1001" }));
  await add(one, "host", proxy("tcp:127.0.0.1:8182", `unix:${daemon.dir}/who.sock`, { bind: "instance", "security.uid": "1234", "security.gid": "5678" }));
  assert.equal(await host.ask("tcp:127.0.0.1:8180", "?"), "0 0");
  assert.equal(await host.ask("tcp:127.0.0.1:8181", "?"), "1000 1001");
  assert.equal(await guest.ask("tcp:127.0.0.1:8182", "?"), "1234 5678");
  await inGuest(daemon, one, "chmod 600 /tmp/who.sock");
  assert.equal(await host.ask("tcp:127.0.0.1:8180", "?"), "0 0");
  await assert.rejects(host.ask("tcp:127.0.0.1:8181", "?", { hold: true }).then((text) => assert.equal(text, undefined)));
});

test("no link of the guest leads out of it", async () => {
  const outside = `${daemon.dir}/outside`;
  await using _server = { [Symbol.asyncDispose]: await host.serve(`unix:${outside}.sock`) };
  await inGuest(daemon, one, `ln -sfn ${outside}.sock /tmp/link.sock; ln -sfn ${daemon.dir} /tmp/links`);
  await add(one, "x", proxy("tcp:127.0.0.1:8120", "unix:/tmp/link.sock"));
  await assert.rejects(host.ask("tcp:127.0.0.1:8120", "x", { hold: true }).then((text) => assert.equal(text, undefined)));
  await assert.rejects(add(one, "y", proxy("unix:/tmp/links/new.sock", "tcp:127.0.0.1:1", { bind: "instance" })), /no such folder/);
  assert.equal(existsSync(`${daemon.dir}/new.sock`), false);
});

test("a file that is there is kept, a socket that nobody serves is replaced", async () => {
  await inGuest(daemon, one, "echo mine > /tmp/file.sock");
  await assert.rejects(add(one, "x", proxy("unix:/tmp/file.sock", "tcp:127.0.0.1:1", { bind: "instance" })), /unix:\/tmp\/file.sock: a file that is no socket has this name/);
  assert.equal(await inGuest(daemon, one, "cat /tmp/file.sock"), "mine");
  const path = `unix:${daemon.dir}/stale.sock`;
  const close = await host.serve(path);
  await assert.rejects(add(one, "x", proxy(path, "tcp:127.0.0.1:1")), /stale.sock: the address is in use/);
  await close();
  await add(one, "x", proxy(path, "tcp:127.0.0.1:1"));
});

test("an address that is taken is named, with who has it, and nothing changes", async () => {
  await using _server = { [Symbol.asyncDispose]: await host.serve("tcp:127.0.0.1:8130", { service: "name", name: "stranger" }) };
  await using _guest = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:96") };
  await assert.rejects(add(one, "x", proxy("tcp:127.0.0.1:8129-8130", "tcp:127.0.0.1:96")), /"x": Failed listening on tcp:127.0.0.1:8130: the address is in use/);
  assert.deepEqual(await devicesOf(one), {});
  await assert.rejects(host.ask("tcp:127.0.0.1:8129", "x"), /ECONNREFUSED/);
  await add(one, "x", proxy("tcp:127.0.0.1:8131", "tcp:127.0.0.1:96"));
  await assert.rejects(add(two, "y", proxy("tcp:0.0.0.0:8131", "tcp:127.0.0.1:96")), /tcp:0.0.0.0:8131: the proxy device "x" of instance "px\d+a" has it/);
  const before = await devicesOf(one);
  await assert.rejects(add(one, "x", proxy("tcp:127.0.0.1:8130", "tcp:127.0.0.1:96")), /8130: the address is in use/);
  assert.deepEqual(await devicesOf(one), before);
  assert.equal(await host.ask("tcp:127.0.0.1:8131", "still"), "still");
});

test("a change holds at once", async () => {
  await using _a = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:97", { service: "name", name: "a" }) };
  await using _b = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:98", { service: "name", name: "b" }) };
  await daemon.run("config", "device", "add", one, "x", "proxy", "listen=tcp:127.0.0.1:8140", "connect=tcp:127.0.0.1:97");
  const connection = await host.open("tcp:127.0.0.1:8140");
  assert.equal(await connection.say("?"), "a");
  assert.equal((await daemon.lxc("config", "device", "set", one, "x", "connect=tcp:127.0.0.1:98")).code, 0);
  await connection.closed();
  assert.equal(await host.ask("tcp:127.0.0.1:8140", "?"), "b");
});

const ends: Record<string, () => Promise<void>> = { "was asked to end": () => daemon.stop(), "was killed": () => daemon.kill9() };
for (const [how, end] of Object.entries(ends)) {
  test(`connections and proxies go on when the daemon ${how}, and the next one has them`, async () => {
    await using _server = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:99") };
    await add(one, "x", proxy("tcp:127.0.0.1:8150", "tcp:127.0.0.1:99"));
    await using connection = Object.assign(await host.open("tcp:127.0.0.1:8150"), { async [Symbol.asyncDispose]() {} });
    assert.equal(await connection.say("before"), "before");
    const pid = forwarder();
    await end();
    assert.equal(await connection.say("between"), "between");
    assert.equal(await host.ask("tcp:127.0.0.1:8150", "new"), "new");
    await daemon.start();
    assert.equal(await connection.say("after"), "after");
    assert.equal(forwarder(), pid);
    await assert.rejects(add(two, "y", proxy("tcp:127.0.0.1:8150", "tcp:127.0.0.1:1")), /"x" of instance/);
    await clear(one);
    await connection.closed();
    assert.equal(isAlive(pid), false);
  });
}

test("a forwarder that was killed is back within a second, with everything", async () => {
  await using _server = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:100") };
  await add(one, "x", proxy("tcp:127.0.0.1:8160", "tcp:127.0.0.1:100"));
  await add(one, "y", proxy(`unix:${daemon.dir}/killed.sock`, "tcp:127.0.0.1:100"));
  const pid = forwarder();
  process.kill(pid, "SIGKILL");
  const began = Date.now();
  await eventually(() => host.ask("tcp:127.0.0.1:8160", "here"), { every: 10 });
  await eventually(() => host.ask(`unix:${daemon.dir}/killed.sock`, "here"), { every: 10 });
  assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
  assert.notEqual(forwarder(), pid);
  await daemon.kill9();
  process.kill(forwarder(), "SIGKILL");
  await daemon.start();
  assert.equal(await host.ask("tcp:127.0.0.1:8160", "again"), "again");
});

test("a guest takes its proxies along when it stops, and has them again when it starts", async () => {
  await add(two, "in", proxy("tcp:127.0.0.1:8170", "tcp:127.0.0.1:80"));
  await add(two, "out", proxy("tcp:127.0.0.1:8171", "tcp:127.0.0.1:80", { bind: "instance" }));
  await act(daemon, two, "stop", { force: true });
  await assert.rejects(host.ask("tcp:127.0.0.1:8170", "x"), /ECONNREFUSED/);
  assert.equal(existsSync(`${daemon.dir}/proxies`), false);
  await using _taken = { [Symbol.asyncDispose]: await host.serve("tcp:127.0.0.1:8170") };
  await assert.rejects(act(daemon, two, "start"), /8170: the address is in use/);
  await _taken[Symbol.asyncDispose]();
  await act(daemon, two, "start");
  await using peer = NetPeer.in(await initOf(daemon, two));
  await peer.serve("tcp:127.0.0.1:80", { service: "name", name: "two" });
  assert.equal(await eventually(() => host.ask("tcp:127.0.0.1:8170", "?")), "two");
  await act(daemon, two, "restart", { force: true });
  await using next = NetPeer.in(await initOf(daemon, two));
  await eventually(() => next.serve("tcp:127.0.0.1:80", { service: "name", name: "next" }));
  assert.equal(await eventually(() => host.ask("tcp:127.0.0.1:8170", "?")), "next");
});

test("a guest that ended while no daemon was there leaves nothing behind", async () => {
  await add(two, "in", proxy("tcp:127.0.0.1:8172", "tcp:127.0.0.1:80"));
  const pid = await initOf(daemon, two);
  await daemon.kill9();
  process.kill(pid, "SIGKILL");
  await eventually(() => !isAlive(pid));
  await assert.rejects(host.ask("tcp:127.0.0.1:8172", "x", { hold: true }).then((text) => assert.equal(text, undefined)));
  await daemon.start();
  assert.equal(existsSync(`${daemon.dir}/proxies`), false);
  await act(daemon, two, "start");
});

test("many connections leave nothing open", async () => {
  await using _server = { [Symbol.asyncDispose]: await guest.serve("tcp:127.0.0.1:94") };
  await add(one, "x", proxy("tcp:127.0.0.1:8194", "tcp:127.0.0.1:94"));
  const sockets = () => readdirSync(`/proc/${forwarder()}/fd`).length;
  assert.equal(await host.ask("tcp:127.0.0.1:8194", "first"), "first");
  const few = sockets(); // the first connection's may still be among them
  await host.many("tcp:127.0.0.1:8194", 3000, 300);
  await eventually(() => sockets() <= few, { what: "all its descriptors are closed" });
});

test("nat: rules lead from the host's address to the guest's, for everybody, as long as it runs", async () => {
  const [gateway = ""] = (await daemon.must("GET", "/1.0/networks/berthbr0")).config["ipv4.address"].split("/");
  const address = gateway.replace(/\.\d+$/, ".77");
  const rules = async () => (await daemon.inNamespace("nft", "list", "table", "inet", "berth")).stdout;
  const nat = (listen: string, connect: string) => proxy(`tcp:${gateway}:${listen}`, connect, { nat: "true" });
  await daemon.run("init", "busybox", fixed);
  await setDevices(fixed, { eth0: { type: "nic", network: "berthbr0", name: "eth0" }, x: nat("8200", "tcp:0.0.0.0:80") });
  await assert.rejects(act(daemon, fixed, "start"), /Instance has no static IPv4 address/);
  await setDevices(fixed, {
    eth0: { type: "nic", network: "berthbr0", name: "eth0", "ipv4.address": address }, one: nat("8200-8201", "tcp:0.0.0.0:80"), same: nat("8300-8301", `tcp:${address}:8300-8301`),
    other: nat("8400-8401", `tcp:${address}:81-82`), datagrams: proxy(`udp:${gateway}:8200`, `udp:${address}:80`, { nat: "true" }),
  });
  await act(daemon, fixed, "start");
  await eventually(async () => (await inGuest(daemon, fixed, "ip addr show eth0")).includes(`${address}/`), { what: "it has its address" });
  await using peer = NetPeer.in(await initOf(daemon, fixed));
  for (const port of [80, 81, 82, 8300, 8301]) await peer.serve(`tcp:${address}:${port}`, { service: "name", name: String(port) });
  await peer.serve(`udp:${address}:80`, { name: "udp " });
  await eventually(async () => (await inGuest(daemon, one, "ip route")).includes("default"), { what: "the neighbour has its address" });
  const check = async () => {
    for (const from of [host, guest, peer]) {
      const answers = await Promise.all([8200, 8201, 8300, 8301, 8400, 8401].map((port) => from.ask(`tcp:${gateway}:${port}`, "?")));
      assert.deepEqual(answers, ["80", "80", "8300", "8301", "81", "82"]);
      assert.equal(await from.ask(`udp:${gateway}:8200`, "hello"), "udp hello");
    }
  };
  await check();
  assert.equal(existsSync(`${daemon.dir}/proxies`), false, "no program is needed");
  await assert.rejects(add(one, "taken", proxy(`tcp:${gateway}:8401`, "tcp:127.0.0.1:1")), /8401: the proxy device "other" of instance/);
  await daemon.kill9();
  await daemon.inNamespace("nft", "delete", "chain", "inet", "berth", `natin.${fixed}.other`);
  await daemon.start();
  await check();
  await setDevices(fixed, Object.fromEntries(Object.entries(await devicesOf(fixed)).filter(([name]) => name !== "other")));
  assert.doesNotMatch(await rules(), /\.other/);
  const init = await initOf(daemon, fixed);
  await daemon.kill9();
  process.kill(init, "SIGKILL");
  await eventually(() => !isAlive(init));
  await daemon.inNamespace("nft", "add", "chain", "inet", "berth", "natin.nobody.x");
  assert.match(await rules(), /natback/);
  await daemon.start();
  assert.doesNotMatch(await rules(), /chain nat/);
  await daemon.run("delete", fixed);
});
