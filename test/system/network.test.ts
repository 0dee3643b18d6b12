// What the managed network gives its instances: addresses, names, a way out, and its traces on the host.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { importBusybox, inGuest, launch } from "../helpers/guests.ts";
import { eventually } from "../helpers/wait.ts";

const bridge = "berthbr0";
let daemon: Daemon;
let config: Record<string, string>;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await Promise.all([launch(daemon, "n1"), launch(daemon, "n2")]);
  config = (await daemon.must("GET", `/1.0/networks/${bridge}`)).config;
});
after(() => daemon?.[Symbol.asyncDispose]());

const folder = () => `${daemon.dir}/networks/${bridge}`;
const host = async (program: string, ...args: string[]) => {
  const { stdout, stderr, code } = await daemon.inNamespace(program, ...args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
};

/** Its global address of a family, once it has one. */
function addressOf(name: string, family: "inet" | "inet6", nic = "eth0"): Promise<string> {
  return eventually(async () => {
    const { network } = await daemon.must("GET", `/1.0/instances/${name}/state`);
    return network?.[nic]?.addresses.find((one: { family: string; scope: string }) => one.family === family && one.scope === "global")?.address;
  }, { what: `${name} has an ${family} address` });
}

test("an instance gets an IPv4 address of the subnet, an IPv6 address of the prefix, and a default route", async () => {
  const [gateway, prefix] = [config["ipv4.address"]!.split("/")[0]!, config["ipv6.address"]!.split("::")[0]!];
  const v4 = await addressOf("n1", "inet");
  assert.equal(v4.split(".").slice(0, 3).join("."), gateway.split(".").slice(0, 3).join("."));
  assert.notEqual(v4, gateway);
  assert.ok((await addressOf("n1", "inet6")).startsWith(`${prefix}:`));
  assert.match(await inGuest(daemon, "n1", "ip route"), new RegExp(`^default via ${gateway} dev eth0`, "m"));
  assert.match(await inGuest(daemon, "n1", "cat /etc/resolv.conf"), new RegExp(`search lxd\\nnameserver ${gateway}`));
  const { stdout } = await daemon.lxc("list", "-c", "n4", "-f", "csv", "n1");
  assert.equal(stdout, `n1,${v4} (eth0)\n`);
});

test("the host reaches an instance, and the instance its gateway, over both families", async () => {
  for (const family of ["inet", "inet6"] as const) {
    const address = await addressOf("n1", family); // an IPv6 address answers only once nobody else turned out to have it
    await eventually(() => host("busybox", "ping", "-c", "1", "-W", "1", address), { what: `${address} answers` });
  }
  for (const family of ["ipv4", "ipv6"]) {
    await eventually(() => inGuest(daemon, "n1", `ping -c 1 -W 3 ${config[`${family}.address`]!.split("/")[0]}`));
  }
});

test("instances know each other by name, and the gateway as _gateway", async () => {
  await Promise.all(["n1", "n2"].map((name) => addressOf(name, "inet")));
  for (const [from, to] of [["n1", "n2"], ["n2", "n1"]] as const) {
    for (const name of [`${to}.lxd`, to]) await inGuest(daemon, from, `ping -c 1 -W 3 ${name}`);
    const answer = await inGuest(daemon, from, `nslookup ${to}.lxd`);
    assert.ok(answer.includes(await addressOf(to, "inet")), answer);
  }
  assert.ok((await inGuest(daemon, "n1", "nslookup _gateway.lxd")).includes(config["ipv4.address"]!.split("/")[0]!));
  assert.notEqual((await daemon.lxc("exec", "n1", "--", "nslookup", "nobody.lxd")).code, 0);
});

test("nft has a rule that hides the subnet behind the host", async () => {
  const rules = await host("nft", "list", "table", "inet", "berth");
  const subnet = config["ipv4.address"]!.replace(/\.1\//, ".0/").replaceAll(".", "\\.");
  assert.match(rules, new RegExp(`chain pstrt\\.${bridge} \\{[^}]*ip saddr ${subnet} ip daddr != ${subnet} masquerade`));
  for (const chain of ["in", "out", "fwd"]) assert.match(rules, new RegExp(`chain ${chain}\\.${bridge} \\{`));
});

test("the MAC and the host's end of the cable are those that the volatile keys tell", async () => {
  const { config: keys } = await daemon.must("GET", "/1.0/instances/n1");
  const mac = keys["volatile.eth0.hwaddr"];
  const cable = keys["volatile.eth0.host_name"];
  assert.match(mac, /^00:16:3e(:[0-9a-f]{2}){3}$/);
  assert.match(await inGuest(daemon, "n1", "cat /sys/class/net/eth0/address"), new RegExp(`^${mac}$`));
  assert.match(await host("ip", "-o", "link", "show", "dev", cable), new RegExp(`veth.* master ${bridge} `));
  const state = await daemon.must("GET", "/1.0/instances/n1/state");
  assert.deepEqual([state.network.eth0.hwaddr, state.network.eth0.host_name], [mac, cable]);
});

test("dnsmasq runs as nobody, and knows an instance from its creation to its deletion", async () => {
  const pid = Number(/pid: (\d+)/.exec(readFileSync(`${folder()}/dnsmasq.pid`, "utf8"))?.[1]);
  assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\s+65534\s+65534/m);
  await daemon.run("init", "busybox", "n3");
  const mac = (await daemon.must("GET", "/1.0/instances/n3")).config["volatile.eth0.hwaddr"];
  assert.equal(readFileSync(`${folder()}/dnsmasq.hosts/n3.eth0`, "utf8"), `${mac},n3\n`);
  await daemon.run("start", "n3");
  const address = await addressOf("n3", "inet");
  const rows = async () => (await daemon.must("GET", `/1.0/networks/${bridge}/leases`)).filter((row: { hostname: string }) => row.hostname === "n3");
  assert.deepEqual((await rows()).find((row: { address: string }) => row.address === address),
    { hostname: "n3", hwaddr: mac, address, type: "dynamic", location: "none" });
  assert.match((await daemon.lxc("network", "list-leases", bridge, "-f", "csv")).stdout, new RegExp(`^n3,${mac},${address.replaceAll(".", "\\.")},DYNAMIC$`, "mi"));
  await daemon.run("delete", "-f", "n3");
  assert.equal(existsSync(`${folder()}/dnsmasq.hosts/n3.eth0`), false);
  assert.deepEqual(await rows(), []);
  await eventually(() => !readFileSync(`${folder()}/dnsmasq.leases`, "utf8").includes(mac), { what: "the lease is gone" });
  assert.notEqual((await daemon.lxc("exec", "n1", "--", "nslookup", "n3.lxd")).code, 0);
});

test("an instance keeps its name in DNS when it is renamed", async () => {
  await daemon.run("init", "busybox", "early");
  await daemon.run("rename", "early", "later");
  assert.equal(existsSync(`${folder()}/dnsmasq.hosts/early.eth0`), false);
  assert.match(readFileSync(`${folder()}/dnsmasq.hosts/later.eth0`, "utf8"), /,later\n$/);
  await daemon.run("start", "later");
  const address = await addressOf("later", "inet");
  await eventually(async () => (await inGuest(daemon, "n1", "nslookup later.lxd")).includes(address));
  await daemon.run("delete", "-f", "later");
});

test("a nic may have an address of its choice, a name and a MAC of its own", async () => {
  const fixed = config["ipv4.address"]!.replace(/\.1\/.*/, ".77");
  await daemon.run("init", "busybox", "fixed");
  await daemon.run("config", "device", "add", "fixed", "eth0", "nic", `network=${bridge}`, "name=eth0", `ipv4.address=${fixed}`, "hwaddr=00:16:3E:AA:BB:01");
  await daemon.run("start", "fixed");
  assert.equal(await addressOf("fixed", "inet"), fixed);
  assert.equal(await inGuest(daemon, "fixed", "cat /sys/class/net/eth0/address"), "00:16:3e:aa:bb:01");
  const leases = await daemon.must("GET", `/1.0/networks/${bridge}/leases`);
  assert.ok(leases.some((row: Record<string, string>) => row["address"] === fixed && row["type"] === "static" && row["hostname"] === "fixed"));
  await daemon.run("delete", "-f", "fixed");
});

test("instances keep their network while the daemon is away, and have it when it is back", async () => {
  const [v4, pid] = [await addressOf("n1", "inet"), readFileSync(`${folder()}/dnsmasq.pid`, "utf8")];
  await daemon.stop();
  await host("busybox", "ping", "-c", "1", "-W", "3", v4);
  await daemon.start();
  assert.equal(readFileSync(`${folder()}/dnsmasq.pid`, "utf8"), pid);
  assert.equal(await addressOf("n1", "inet"), v4);
  await inGuest(daemon, "n2", "ping -c 1 -W 3 n1.lxd");
  await daemon.kill9();
  await daemon.start();
  await inGuest(daemon, "n1", "ping -c 1 -W 3 n2.lxd");
});

test("a network of its own settings passes them on: mtu, domain, no names, no IPv6", async () => {
  await daemon.run("network", "create", "other0", "bridge.mtu=1400", "dns.domain=harbour", "ipv6.address=none");
  await daemon.run("launch", "busybox", "o1", "--network", "other0");
  const address = await addressOf("o1", "inet");
  assert.equal(await inGuest(daemon, "o1", "cat /sys/class/net/eth0/mtu"), "1400");
  assert.ok((await inGuest(daemon, "o1", "nslookup o1.harbour")).includes(address));
  assert.doesNotMatch(await inGuest(daemon, "o1", "ip -6 addr show dev eth0 scope global"), /inet6/);
  await daemon.run("network", "set", "other0", "dns.mode", "none");
  await eventually(async () => (await daemon.lxc("exec", "o1", "--", "nslookup", "o1.harbour")).code !== 0, { what: "o1 has no name any more" });
  await daemon.run("delete", "-f", "o1");
  await daemon.run("network", "delete", "other0");
});

test("a network that is deleted leaves no bridge, no rules, no dnsmasq and no folder", async () => {
  await daemon.run("network", "create", "gone0");
  assert.ok((await host("ip", "link", "show", "dev", "gone0")).includes("gone0"));
  assert.match(await host("nft", "list", "ruleset"), /gone0/);
  assert.equal(daemon.namespace.family().filter(({ command }) => command.includes("--interface=gone0")).length, 1);
  await daemon.run("network", "delete", "gone0");
  assert.notEqual((await daemon.inNamespace("ip", "link", "show", "dev", "gone0")).code, 0);
  assert.doesNotMatch(await host("nft", "list", "ruleset"), /gone0/);
  assert.equal(daemon.namespace.family().filter(({ command }) => command.includes("gone0")).length, 0);
  assert.equal(existsSync(`${daemon.dir}/networks/gone0`), false);
  assert.equal((await daemon.request("GET", "/1.0/networks/gone0")).status, 404);
});

test("nothing of this reaches the machine's own network", async () => {
  assert.doesNotMatch(await execOk("ip", ["link"]), new RegExp(`${bridge}|gone0|other0`));
  assert.doesNotMatch((await execOk("nft", ["list", "tables"])), /berth/);
});
