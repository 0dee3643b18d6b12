// Networks when something is in the way: a port or a subnet that is taken, a name that is none, a dnsmasq that dies.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, inGuest, launch } from "../helpers/guests.ts";
import { isAlive } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
});
after(() => daemon?.[Symbol.asyncDispose]());

const dnsmasqPid = (name: string) => Number(/pid: (\d+)/.exec(readFileSync(`${daemon.dir}/networks/${name}/dnsmasq.pid`, "utf8"))?.[1]);

/** Nothing is left of a network that could not be made. */
async function assertGone(name: string, at = daemon): Promise<void> {
  assert.equal((await at.request("GET", `/1.0/networks/${name}`)).status, 404);
  assert.notEqual((await at.inNamespace("ip", "link", "show", "dev", name)).code, 0);
  assert.doesNotMatch((await at.inNamespace("nft", "list", "ruleset")).stdout, new RegExp(`\\.${name} `));
  assert.equal(existsSync(`${at.dir}/networks/${name}`), false);
  assert.equal(at.namespace.family().filter(({ command }) => command.includes(`--interface=${name}`)).length, 0);
}

test("a dnsmasq that was killed comes back, and names resolve again", async () => {
  await Promise.all([launch(daemon, "f1"), launch(daemon, "f2")]);
  await eventually(() => inGuest(daemon, "f1", "nslookup f2.lxd"));
  for (let i = 0; i < 3; i++) {
    const pid = dnsmasqPid("berthbr0");
    process.kill(pid, "SIGKILL");
    await eventually(() => dnsmasqPid("berthbr0") !== pid && isAlive(dnsmasqPid("berthbr0")), { what: "another dnsmasq runs" });
    await eventually(() => inGuest(daemon, "f1", "nslookup f2.lxd"), { what: "f1 finds f2" });
  }
});

test("a dnsmasq that died while the daemon was away is started with the daemon", async () => {
  const pid = dnsmasqPid("berthbr0");
  await daemon.stop();
  process.kill(pid, "SIGKILL");
  await daemon.start();
  assert.notEqual(dnsmasqPid("berthbr0"), pid);
  await eventually(() => inGuest(daemon, "f1", "nslookup f2.lxd"), { what: "f1 finds f2" });
});

test("a bridge and rules that somebody deleted are made again at the next start", async () => {
  await daemon.run("network", "create", "lost0", "ipv6.address=none");
  await daemon.stop();
  await daemon.inNamespace("ip", "link", "delete", "lost0");
  await daemon.inNamespace("nft", "delete", "table", "inet", "berth");
  await daemon.start();
  assert.equal((await daemon.inNamespace("ip", "link", "show", "dev", "lost0")).code, 0);
  assert.match((await daemon.inNamespace("nft", "list", "ruleset")).stdout, /chain pstrt\.lost0 [^]*masquerade/);
  assert.equal((await daemon.must("GET", "/1.0/networks/lost0")).status, "Created");
  await daemon.run("network", "delete", "lost0");
});

test("a port 53 that is taken is named, with who has it, and nothing is left of the network", async () => {
  const server = `const net = require("node:net").createServer().listen(53, "0.0.0.0", () => require("node:dgram").createSocket("udp4").bind(53, "0.0.0.0", () => console.log("up")));`;
  await using bare = await startDaemon({ init: false }); // no dnsmasq of ours has the port there
  const [command, args] = bare.namespace.wrap(process.execPath, ["-e", server]);
  const taker = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([once(taker.stdout, "data"), once(taker, "exit").then(() => assert.fail("it cannot have the port"))]);
  const made = await bare.berth("network", "create", "taken0");
  assert.equal(made.code, 1);
  assert.match(made.stderr, /Failed to start network "taken0": dnsmasq: failed to create listening socket for .*: Address already in use/);
  assert.match(made.stderr, new RegExp(`Port 53 is taken by \\w+ \\(process ${taker.pid}\\)`));
  assert.match((await bare.lxc("network", "create", "taken0")).stderr, /Address already in use/);
  await assertGone("taken0", bare);
  taker.kill();
  await once(taker, "exit");
  await bare.run("network", "create", "taken0");
  await bare.run("network", "delete", "taken0");
});

test("a subnet that the host has already is refused, and a free one is found beside it", async () => {
  for (const line of ["link add ext0 type bridge", "addr add 10.5.0.1/16 dev ext0", "link set ext0 up"]) {
    assert.equal((await daemon.inNamespace("ip", ...line.split(" "))).code, 0);
  }
  const made = await daemon.lxc("network", "create", "over0", "ipv4.address=10.5.7.1/24");
  assert.equal(made.code, 1);
  assert.match(made.stderr, /Error: Subnet 10\.5\.7\.0\/24 overlaps with 10\.5\.0\.0\/16, which ext0 has/);
  await assertGone("over0");
  await daemon.run("network", "create", "over0");
  const { config } = await daemon.must("GET", "/1.0/networks/over0");
  assert.doesNotMatch(config["ipv4.address"], /^10\.5\./);
  await daemon.run("network", "delete", "over0");
  await daemon.inNamespace("ip", "link", "delete", "ext0");
});

test("a network that is in use is neither deleted nor renamed", async () => {
  for (const command of [["delete", "berthbr0"], ["rename", "berthbr0", "other"]]) {
    const { stderr, code } = await daemon.lxc("network", ...command);
    assert.deepEqual([stderr, code], ["Error: The network is currently in use\n", 1]);
  }
  assert.equal((await daemon.inNamespace("ip", "link", "show", "dev", "berthbr0")).code, 0);
});

test("names that are none for a network, or are taken by the host, are refused", async () => {
  await daemon.inNamespace("ip", "link", "add", "host0", "type", "bridge");
  for (const [name, why] of [
    ["host0", /already exists/], ["lo", /already exists|kernel uses/], ["berthbr0", /already exists/], ["x", /too short/], ["sixteen-letters-", /too long/],
    ["with space", /only letters/], ["a/b", /only letters|not found/], ["..", /only letters/], ["-dash", /only letters/], ["ünder", /only letters/], ["all", /kernel uses/],
  ] as const) {
    const reply = await daemon.request("POST", "/1.0/networks", { name, type: "bridge", config: {} });
    assert.ok(reply.status === 400 || reply.status === 409, `${name}: ${reply.status}`);
    assert.match(reply.json.error, why, name);
  }
  const networks: string[] = await daemon.must("GET", "/1.0/networks");
  assert.ok(networks.includes("/1.0/networks/host0"));
  await daemon.inNamespace("ip", "link", "delete", "host0");
});

test("settings that make no sense are refused, and the network stays as it was", async () => {
  const before = (await daemon.must("GET", "/1.0/networks/berthbr0")).config;
  const pid = dnsmasqPid("berthbr0");
  for (const [key, value] of [
    ["ipv4.address", "10.1.1.1"], ["ipv4.address", "300.1.1.1/24"], ["ipv6.address", "fd42::zz/64"], ["ipv4.nat", "perhaps"], ["bridge.mtu", "many"],
    ["ipv4.dhcp.ranges", "1-2"], ["dns.mode", "loud"], ["dns.domain", "a b"], ["no.such.key", "1"], ["raw.dnsmasq", "no-such-option=1"],
  ] as const) {
    const { code, stderr } = await daemon.lxc("network", "set", "berthbr0", key, value);
    assert.equal(code, 1, `${key}=${value}`);
    assert.match(stderr, /^Error: ./);
  }
  assert.deepEqual((await daemon.must("GET", "/1.0/networks/berthbr0")).config, before);
  assert.ok(isAlive(dnsmasqPid("berthbr0")));
  assert.ok(pid > 0);
  await eventually(() => inGuest(daemon, "f1", "nslookup f2.lxd"), { what: "f1 finds f2" });
});

test("a nic on a network that does not exist is refused, and so is an address beside the subnet", async () => {
  const add = (...options: string[]) => daemon.lxc("config", "device", "add", "f1", "eth7", "nic", ...options);
  assert.match((await add("network=nowhere0")).stderr, /network "nowhere0" was not found/i);
  assert.match((await add("network=berthbr0", "ipv4.address=192.0.2.7")).stderr, /Device IP address "192\.0\.2\.7" not within network "berthbr0" subnet/);
  assert.match((await add("network=berthbr0", "ipv6.address=fd00::7")).stderr, /Device IP address "fd00::7" not within network "berthbr0" subnet/);
  assert.match((await add("network=berthbr0", "ipv4.address=10.999.0.1")).stderr, /"10\.999\.0\.1" for "ipv4\.address": it is no IPv4 address/);
});
