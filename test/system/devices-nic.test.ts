// Nics of all kinds, cold and plugged into running guests: traffic between guests and the host for real, what they
// leave on the host, and what becomes of it when things fail or the daemon is killed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";
import { importBusybox, inGuest } from "../helpers/guests.ts";
import { act, booted, create, initOf, launch } from "../helpers/instances.ts";
import { isAlive } from "../helpers/processes.ts";
import { eventually, pause } from "../helpers/wait.ts";

type Options = Record<string, string>;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  // A wire with two ends, the one for the host, the other for a machine on it; and a bridge that Berth does not manage.
  await host("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "wan1");
  for (const nic of ["wan0", "wan1"]) await host("ip", "link", "set", nic, "up");
  await host("ip", "addr", "add", "192.0.2.1/24", "dev", "wan0");
  await host("ip", "link", "add", "plain0", "type", "bridge");
  await host("ip", "link", "set", "plain0", "up");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
});

async function host(program: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.inNamespace(program, ...args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}
const hostPing = (address: string) => eventually(() => host("ping", "-c", "1", "-W", "1", address), { what: `the host reaches ${address}` });
const guestPing = (name: string, address: string) => eventually(() => inGuest(daemon, name, `ping -c 1 -W 1 ${address}`), { what: `${name} reaches ${address}` });
const cannotPing = async (name: string, address: string) =>
  assert.notEqual((await daemon.lxc("exec", name, "--", "ping", "-c", "2", "-W", "1", "-i", "0.2", address)).code, 0, `${name} reaches ${address}`);
const rules = () => host("nft", "list", "ruleset");

/** A guest whose only nics are these. */
async function guest(name: string, devices: Record<string, Options>): Promise<void> {
  const nics = Object.fromEntries(Object.entries(devices).map(([device, options]) => [device, { type: "nic", ...options }]));
  await launch(daemon, name, { devices: { eth0: { type: "none" }, ...nics } });
  await booted(daemon, name);
}

async function volatileOf(name: string, key: string): Promise<string | undefined> {
  return (await daemon.must("GET", `/1.0/instances/${name}`)).config[`volatile.${key}`];
}
const hostNameOf = async (name: string, device = "net0") => (await volatileOf(name, `${device}.host_name`)) ?? "";
const hostHas = async (nic: string) => (await daemon.inNamespace("ip", "link", "show", "dev", nic)).code === 0;
const lxc = async (...args: string[]) => {
  const { stdout, stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
};
const lxcFails = async (reason: RegExp, ...args: string[]) => {
  const { stderr, code } = await daemon.lxc(...args);
  assert.notEqual(code, 0, `lxc ${args.join(" ")} succeeds`);
  assert.match(stderr, reason);
};

test("p2p: a pair with routes to what is behind the guest, that change while it runs", async () => {
  await guest("a", { net0: { nictype: "p2p", name: "net0", host_name: "p2ptest", "ipv4.routes": "198.51.100.0/24", "ipv6.routes": "2001:db8:1::/64", mtu: "1400" } });
  assert.match(await host("ip", "route"), /^198\.51\.100\.0\/24 dev p2ptest/m);
  assert.match(await host("ip", "-6", "route"), /^2001:db8:1::\/64 dev p2ptest/m);
  await inGuest(daemon, "a", "ip addr add 198.51.100.7/32 dev net0 && ip route add default dev net0");
  await hostPing("198.51.100.7");
  assert.equal(await inGuest(daemon, "a", "cat /sys/class/net/net0/mtu"), "1400");
  await lxc("config", "device", "set", "a", "net0", "ipv4.routes", "198.51.101.0/24");
  const routes = await host("ip", "route");
  assert.match(routes, /^198\.51\.101\.0\/24 dev p2ptest/m);
  assert.doesNotMatch(routes, /198\.51\.100/);
  await inGuest(daemon, "a", "ip addr add 198.51.101.7/32 dev net0");
  await hostPing("198.51.101.7");
  const { network } = await daemon.must("GET", "/1.0/instances/a/state");
  assert.deepEqual([network.net0.host_name, network.net0.type, network.lo.host_name], ["p2ptest", "broadcast", ""]);
  await daemon.run("stop", "-f", "a");
  assert.equal(await hostHas("p2ptest"), false);
  assert.doesNotMatch(await host("ip", "route"), /198\.51\.101/);
});

test("routed: the guest is on its parent's network without being on its wire, and cannot feign addresses", async () => {
  await guest("machine", { net0: { nictype: "physical", parent: "wan1", name: "wan" } });
  await inGuest(daemon, "machine", "ip addr add 192.0.2.9/24 dev wan");
  await guest("a", { net0: { nictype: "routed", parent: "wan0", name: "net0", "ipv4.address": "192.0.2.20, 192.0.2.21", "ipv4.host_table": "77", "ipv4.routes": "203.0.113.0/24" } });
  assert.match(await inGuest(daemon, "a", "ip route"), /^default via 169\.254\.0\.1 dev net0/m);
  await hostPing("192.0.2.20");
  await hostPing("192.0.2.21");
  await guestPing("machine", "192.0.2.20");
  await guestPing("a", "192.0.2.9");
  assert.match(await host("ip", "neigh", "show", "proxy"), /192\.0\.2\.20 dev wan0/);
  assert.match(await host("ip", "route", "show", "table", "77"), /192\.0\.2\.20/);
  assert.match(await host("ip", "route"), /203\.0\.113\.0\/24 via 192\.0\.2\.20/);
  await inGuest(daemon, "a", "ip addr add 192.0.2.66/32 dev net0");
  assert.notEqual((await daemon.lxc("exec", "a", "--", "ping", "-c", "1", "-W", "1", "-I", "192.0.2.66", "192.0.2.1")).code, 0);
  const hostName = await hostNameOf("a");
  assert.match(await rules(), new RegExp(`chain nic\\.${hostName} [^]*fib saddr \\. iif oif missing drop`));
  await lxcFails(/IP address "192.0.2.9" in use on parent network "wan0"/, "config", "device", "add", "a", "net1", "nic", "nictype=routed", "parent=wan0", "ipv4.address=192.0.2.9", "ipv4.gateway=none");
  assert.equal((await daemon.must("GET", "/1.0/instances/a")).devices.net1, undefined);
  await daemon.run("stop", "-f", "a");
  assert.doesNotMatch(await rules(), new RegExp(hostName));
  assert.doesNotMatch(await host("ip", "neigh", "show", "proxy"), /192\.0\.2\.20/);
  assert.doesNotMatch(await host("ip", "route"), /203\.0\.113/);
});

test("routed: over IPv6, with a host address of its own, plugged into a guest that runs", async () => {
  await guest("a", {});
  await lxc("config", "device", "add", "a", "net0", "nic", "nictype=routed", "name=net0", "ipv6.address=2001:db8:2::5", "ipv4.address=198.51.100.5", "ipv4.host_address=169.254.7.1");
  await hostPing("198.51.100.5");
  await hostPing("2001:db8:2::5");
  assert.match(await inGuest(daemon, "a", "ip route"), /^default via 169\.254\.7\.1 dev net0/m);
  assert.match(await inGuest(daemon, "a", "ip -6 route"), /^default via fe80::1 dev net0/m);
  await lxc("config", "device", "set", "a", "net0", "ipv4.address", "198.51.100.6");
  await hostPing("198.51.100.6");
  await lxc("config", "device", "remove", "a", "net0");
  assert.doesNotMatch(await host("ip", "route"), /198\.51\.100/);
  assert.doesNotMatch(await inGuest(daemon, "a", "ip link"), /net0/);
});

test("routed: settings that the host's administrator has to make are named", async () => {
  await host("ip", "link", "add", "wan2", "type", "veth", "peer", "name", "wan3");
  await guest("a", {});
  await host("sysctl", "-qw", "net.ipv4.conf.wan2.forwarding=0");
  await lxcFails(/Routed mode requires sysctl net\.ipv4\.conf\.wan2\.forwarding=1/, "config", "device", "add", "a", "net0", "nic", "nictype=routed", "parent=wan2", "ipv4.address=192.0.2.30");
  await lxcFails(/Routed mode requires sysctl net\.ipv6\.conf\.all\.proxy_ndp=1/, "config", "device", "add", "a", "net0", "nic", "nictype=routed", "parent=wan0", "ipv6.address=2001:db8::1");
  await host("ip", "link", "del", "wan2");
  await host("sysctl", "-qw", "net.ipv6.conf.all.proxy_ndp=1", "net.ipv6.conf.wan0.proxy_ndp=1", "net.ipv6.conf.wan0.forwarding=1");
  await guest("machine", { net0: { nictype: "physical", parent: "wan1", name: "wan" } });
  await inGuest(daemon, "machine", "ip -6 addr add 2001:db8::9/64 dev wan");
  const add = ["config", "device", "add", "a", "net0", "nic", "nictype=routed", "parent=wan0", "ipv6.address=2001:db8::9"];
  await eventually(async () => !(await inGuest(daemon, "machine", "ip -6 addr show dev wan")).includes("tentative"), { what: "its address is its own" });
  await lxcFails(/IP address "2001:db8::9" in use on parent network "wan0"/, ...add);
  await lxc(...add, "ipv6.neighbor_probe=false");
  assert.match(await host("ip", "-6", "neigh", "show", "proxy"), /2001:db8::9 dev wan0/);
});

test("macvlan: guests on one parent reach each other; plugged in and out", async () => {
  const macvlan = { nictype: "macvlan", parent: "wan0", name: "net0" };
  await guest("a", { net0: { ...macvlan, hwaddr: "00:16:3e:00:00:0a", mtu: "1300" } });
  await guest("b", {});
  await lxc("config", "device", "add", "b", "net0", "nic", "nictype=macvlan", "parent=wan0", "name=net0");
  await inGuest(daemon, "a", "ip addr add 198.51.100.1/24 dev net0");
  await inGuest(daemon, "b", "ip addr add 198.51.100.2/24 dev net0");
  await guestPing("a", "198.51.100.2");
  assert.equal(await inGuest(daemon, "a", "cat /sys/class/net/net0/address /sys/class/net/net0/mtu"), "00:16:3e:00:00:0a\n1300");
  assert.equal(await inGuest(daemon, "b", "cat /sys/class/net/net0/address"), await volatileOf("b", "net0.hwaddr"));
  await lxc("config", "device", "set", "b", "net0", "hwaddr", "00:16:3e:00:00:0b");
  assert.equal(await inGuest(daemon, "b", "cat /sys/class/net/net0/address"), "00:16:3e:00:00:0b");
  await lxc("config", "device", "remove", "b", "net0");
  assert.equal(await inGuest(daemon, "b", "ls /sys/class/net"), "lo");
});

test("bridged: a guest with filtering sends from its own addresses alone", async () => {
  const fixed = (last: number) => gateway.replace(/\.1$/, `.${last}`);
  const gateway = (await daemon.must("GET", "/1.0/networks/berthbr0")).config["ipv4.address"].split("/")[0] as string;
  await guest("a", { net0: { network: "berthbr0", name: "eth0", "security.mac_filtering": "true", "security.ipv4_filtering": "true", "security.ipv6_filtering": "true" } });
  const address = await eventually(async () => (await inGuest(daemon, "a", "ip -4 addr show eth0")).match(/inet ([\d.]+)/)?.[1], { what: "it has an address by DHCP" });
  const leases: Record<string, string>[] = await daemon.must("GET", "/1.0/networks/berthbr0/leases");
  assert.equal(leases.find((row) => row["hostname"] === "a" && row["type"] === "static")?.["address"], address);
  await guestPing("a", gateway);
  await hostPing(leases.find((row) => row["hostname"] === "a" && row["address"]?.includes(":"))?.["address"] ?? "");
  await inGuest(daemon, "a", `ip addr add ${fixed(250)}/24 dev eth0`);
  assert.notEqual((await daemon.lxc("exec", "a", "--", "ping", "-c", "2", "-W", "1", "-I", fixed(250), gateway)).code, 0, "it feigns an address");
  await guestPing("a", gateway);
  await inGuest(daemon, "a", "ip link set eth0 down; ip link set eth0 address 00:16:3e:66:66:66; ip link set eth0 up");
  await cannotPing("a", gateway);
  const hostName = await hostNameOf("a");
  await lxc("config", "device", "set", "a", "net0", "security.mac_filtering=false", "security.ipv4_filtering=false", "security.ipv6_filtering=false");
  assert.doesNotMatch(await rules(), new RegExp(`nic\\.${hostName}`));
  await guestPing("a", gateway);
});

test("bridged: a bridge that is not managed, an address that is kept to, none at all, and isolated ports", async () => {
  const on = { nictype: "bridged", parent: "plain0", name: "net0" };
  await guest("a", { net0: { ...on, "security.port_isolation": "true" } });
  await guest("b", { net0: { ...on, "security.ipv4_filtering": "true", "ipv4.address": "198.51.100.2" } });
  await guest("c", { net0: { ...on, "security.port_isolation": "true", "ipv4.routes": "203.0.113.0/24" } });
  for (const [index, name] of ["a", "b", "c"].entries()) await inGuest(daemon, name, `ip addr add 198.51.100.${index + 1}/24 dev net0`);
  await guestPing("a", "198.51.100.2");
  await guestPing("c", "198.51.100.2");
  await cannotPing("a", "198.51.100.3");
  assert.match(await host("ip", "route"), /203\.0\.113\.0\/24 dev plain0/);
  await lxc("config", "device", "set", "c", "net0", "security.port_isolation", "false");
  await guestPing("a", "198.51.100.3");
  await inGuest(daemon, "b", "ip addr flush dev net0; ip addr add 198.51.100.4/24 dev net0");
  await cannotPing("b", "198.51.100.1");
  await lxc("config", "device", "set", "b", "net0", "ipv4.address", "none");
  await inGuest(daemon, "b", "ip addr flush dev net0; ip addr add 198.51.100.2/24 dev net0");
  await cannotPing("b", "198.51.100.1");
  await daemon.run("stop", "-f", "c");
  assert.doesNotMatch(await host("ip", "route"), /203\.0\.113/);
});

/** Seconds that so many KiB take between a guest and the host, until the last of them has been read. */
async function seconds(name: string, direction: "to" | "from", address: string, kib: number): Promise<number> {
  const port = String(5000 + Math.floor(Math.random() * 1000));
  const at = (inside: boolean, ...words: string[]) => (inside ? daemon.lxc("exec", name, "--", ...words) : daemon.inNamespace("busybox", ...words));
  const sink = at(direction === "to", "nc", "-l", "-p", port, "-e", "sha1sum");
  await eventually(async () => (await at(direction === "to", "netstat", "-ltn")).stdout.includes(`:${port} `), { what: "somebody listens" });
  const start = Date.now();
  const { stdout, stderr } = await at(direction === "from", "sh", "-c", `dd if=/dev/zero bs=1024 count=${kib} 2>/dev/null | busybox nc ${address} ${port}`);
  const time = (Date.now() - start) / 1000;
  await sink;
  assert.equal(stdout.split(" ")[0], createHash("sha1").update(Buffer.alloc(kib * 1024)).digest("hex"), stderr);
  return time;
}

test("limits hold in both directions, and change while traffic flows", async () => {
  await guest("a", { net0: { nictype: "routed", name: "net0", "ipv4.address": "198.51.100.9", "limits.ingress": "8Mbit", "limits.egress": "16Mbit" } });
  const hostName = await hostNameOf("a");
  assert.match(await host("tc", "class", "show", "dev", hostName), /htb 1:10 .*rate 8Mbit/);
  assert.match(await rules(), /limit rate over 2 mbytes\/second|limit rate over 2000000 bytes\/second/);
  const slow = await seconds("a", "to", "198.51.100.9", 1024); // 1 s at 8 Mbit/s
  assert.ok(slow > 0.8 && slow < 4, `1 MiB came in ${slow} s`);
  const out = await seconds("a", "from", "169.254.0.1", 6144); // a second's worth at once, then 2.1 s at 16 Mbit/s
  assert.ok(out > 1.8 && out < 9, `6 MiB went in ${out} s`);
  await lxc("config", "device", "set", "a", "net0", "limits.ingress", "80Mbit");
  await lxc("config", "device", "unset", "a", "net0", "limits.egress");
  assert.match(await host("tc", "class", "show", "dev", hostName), /rate 80Mbit/);
  assert.doesNotMatch(await rules(), /limit rate/);
  assert.ok((await seconds("a", "to", "198.51.100.9", 1024)) < slow / 2);
  await lxc("config", "device", "unset", "a", "net0", "limits.ingress");
  assert.doesNotMatch(await host("tc", "qdisc", "show", "dev", hostName), /htb/);
  await lxc("config", "device", "set", "a", "net0", "limits.max", "1Gbit");
  assert.match(await host("tc", "class", "show", "dev", hostName), /rate 1Gbit/);
});

test("bridged: plugged into a running guest, changed there and taken out, with the stock client", async () => {
  await launch(daemon, "a");
  await booted(daemon, "a");
  await lxc("config", "device", "add", "a", "eth1", "nic", "network=berthbr0", "hwaddr=00:16:3e:11:22:33");
  assert.equal(await inGuest(daemon, "a", "cat /sys/class/net/eth1/address /sys/class/net/eth1/operstate"), "00:16:3e:11:22:33\nup");
  const hostName = await hostNameOf("a", "eth1");
  assert.match(await host("ip", "link", "show", "master", "berthbr0"), new RegExp(`${hostName}@`));
  assert.equal((await daemon.must("GET", "/1.0/instances/a/state")).network.eth1.host_name, hostName);
  await inGuest(daemon, "a", "udhcpc -i eth1 -n -q -s /etc/udhcpc.script");
  await lxc("config", "device", "set", "a", "eth1", "name", "lan7");
  assert.match(await inGuest(daemon, "a", "ls /sys/class/net"), /^eth0\nlan7\nlo$/);
  assert.equal(await hostHas(hostName), false);
  await lxc("config", "device", "set", "a", "eth1", "limits.max", "10Mbit");
  assert.match(await host("tc", "qdisc", "show", "dev", await hostNameOf("a", "eth1")), /htb/);
  const before = await hostNameOf("a", "eth1");
  await lxc("config", "device", "remove", "a", "eth1");
  assert.equal(await hostHas(before), false);
  assert.doesNotMatch(await rules(), new RegExp(before));
  assert.equal(await volatileOf("a", "eth1.host_name"), undefined);
  await lxc("config", "device", "add", "a", "eth1", "nic", "network=berthbr0");
  await daemon.run("restart", "-f", "a");
  assert.match(await eventually(() => inGuest(daemon, "a", "ls /sys/class/net")), /eth1/);
});

const wan1 = async () => {
  const [link] = JSON.parse(await host("ip", "-j", "link", "show", "dev", "wan1"));
  return [link.mtu, link.address, link.flags.includes("UP")];
};

test("physical: the host's interface comes back as it was after a stop, a kill of the monitor, an unplug and a delete", async () => {
  const was = await wan1();
  const options = { nictype: "physical", parent: "wan1", name: "card", mtu: "1280", hwaddr: "00:16:3e:00:0c:0c" };
  await guest("a", { net0: options });
  const isInside = async () => {
    assert.equal(await inGuest(daemon, "a", "cat /sys/class/net/card/mtu /sys/class/net/card/address"), "1280\n00:16:3e:00:0c:0c");
    assert.equal(await hostHas("wan1"), false);
  };
  await isInside();
  await guest("b", {});
  await lxcFails(/Failed to start device "net0": Parent device "wan1" is in use by instance "a"/, "config", "device", "add", "b", "net0", "nic", "nictype=physical", "parent=wan1");
  await act(daemon, "a", "stop", { force: true });
  assert.deepEqual(await wan1(), was);
  await act(daemon, "a", "start");
  await isInside();
  await inGuest(daemon, "a", "ip link set card down; ip link set card name other");
  process.kill(monitorOf(await initOf(daemon, "a")), "SIGKILL");
  await eventually(async () => (await hostHas("wan1")) && String(await wan1()) === String(was), { what: "wan1 is back" });
  await eventually(async () => (await volatileOf("a", "net0.host_name")) === undefined);
  await act(daemon, "a", "start");
  const init = await initOf(daemon, "a");
  await daemon.stop();
  process.kill(init, "SIGKILL"); // liblxc alone gives it back
  await eventually(() => hostHas("wan1"), { what: "wan1 is back" });
  await daemon.start();
  assert.deepEqual(await wan1(), was);
  await act(daemon, "a", "start");
  await lxc("config", "device", "remove", "a", "net0");
  assert.deepEqual(await wan1(), was);
  await lxc("config", "device", "add", "a", "net0", "nic", ...Object.entries(options).map(([key, value]) => `${key}=${value}`));
  await isInside();
  await daemon.kill9();
  await daemon.start();
  await isInside();
  await daemon.run("delete", "-f", "a");
  assert.deepEqual(await wan1(), was);
});

function monitorOf(init: number): number {
  const status = readFileSync(`/proc/${init}/status`, "utf8");
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}

test("all of it survives the daemon: restarted, killed, away while the guest reboots itself", async () => {
  await guest("a", {
    net0: { nictype: "routed", name: "net0", "ipv4.address": "198.51.100.9", "limits.max": "50Mbit" },
    net1: { nictype: "bridged", parent: "plain0", name: "net1", "security.mac_filtering": "true", "security.port_isolation": "true" },
  });
  await lxc("config", "device", "add", "a", "net2", "nic", "nictype=p2p", "ipv4.routes=203.0.113.0/24", "name=net2");
  const holds = async () => {
    await hostPing("198.51.100.9");
    assert.match(await host("tc", "class", "show", "dev", await hostNameOf("a")), /rate 50Mbit/);
    const found = await rules();
    assert.match(found, new RegExp(`chain nic\\.${await hostNameOf("a")} \\{\\s+type filter hook ingress`));
    assert.match(found, new RegExp(`chain nic\\.${await hostNameOf("a", "net1")} [^]*ether saddr != ${await volatileOf("a", "net1.hwaddr")}`));
    assert.equal((await host("cat", `/sys/class/net/${await hostNameOf("a", "net1")}/brport/isolated`)).trim(), "1");
    assert.match(await host("ip", "route"), new RegExp(`203\\.0\\.113\\.0/24 dev ${await hostNameOf("a", "net2")}`));
    assert.match(await inGuest(daemon, "a", "ls /sys/class/net"), /net2/);
  };
  await holds();
  await daemon.restart();
  await holds();
  await daemon.kill9();
  await daemon.start();
  await holds();
  const init = await initOf(daemon, "a");
  await daemon.lxc("exec", "a", "--", "reboot", "-f");
  await eventually(async () => ![0, init].includes(await initOf(daemon, "a")), { what: "it has rebooted" });
  await eventually(() => holds().then(() => true), { what: "it is as before its reboot" });
  const second = await initOf(daemon, "a");
  await daemon.stop();
  await exec("nsenter", ["-t", String(second), "-a", "/bin/busybox", "reboot", "-f"]);
  await eventually(() => !isAlive(second), { what: "liblxc reboots it" });
  await daemon.start();
  await eventually(() => holds().then(() => true), { what: "it is as before its reboot without a daemon" });
});

test("what was lost while the daemon was away is made again: a nic that was plugged in, a bridge with its ports", async () => {
  await launch(daemon, "a");
  await booted(daemon, "a");
  await lxc("config", "device", "add", "a", "net1", "nic", "nictype=p2p", "name=net1", "ipv4.routes=203.0.113.0/24");
  await lxc("config", "device", "add", "a", "net2", "nic", "nictype=macvlan", "parent=wan0", "name=net2");
  const init = await initOf(daemon, "a");
  await daemon.stop();
  await exec("nsenter", ["-t", String(init), "-a", "/bin/busybox", "reboot", "-f"]);
  await eventually(() => !isAlive(init), { what: "liblxc reboots it" });
  await daemon.start();
  // The daemon may have come early enough to be the one who starts it again.
  await eventually(async () => ![0, init].includes(await initOf(daemon, "a")), { what: "it runs again" });
  await eventually(async () => /^eth0\nlo\nnet1\nnet2$/.test(await inGuest(daemon, "a", "ls /sys/class/net")), { what: "it has its nics" });
  assert.match(await host("ip", "route"), new RegExp(`203\\.0\\.113\\.0/24 dev ${await hostNameOf("a", "net1")}`));
  await daemon.stop();
  await host("ip", "link", "del", "berthbr0");
  await daemon.start();
  assert.match(await host("ip", "link", "show", "master", "berthbr0"), new RegExp(`${await hostNameOf("a", "eth0")}@`));
  const links = (await host("ip", "-o", "link")).split("\n").length;
  await daemon.restart();
  assert.equal((await host("ip", "-o", "link")).split("\n").length, links);
});

test("what cannot be is refused with its reason, and nothing is changed or left", async () => {
  await launch(daemon, "a");
  await booted(daemon, "a");
  const taken = (await daemon.must("GET", "/1.0/networks/berthbr0")).config["ipv4.address"].replace(/\.1\/.*/, ".200");
  await create(daemon, "other", { devices: { eth0: { type: "nic", network: "berthbr0", "ipv4.address": taken } } });
  const links = await host("ip", "-o", "link");
  const add = (...options: string[]) => ["config", "device", "add", "a", "x1", "nic", ...options];
  const wrong: [RegExp, ...string[]][] = [
    [/Failed to start device "x1": Parent device "gone0" doesn't exist/, "nictype=macvlan", "parent=gone0"],
    [/Parent device "gone0" doesn't exist/, "nictype=physical", "parent=gone0"],
    [/Parent device "gone0" doesn't exist/, "nictype=bridged", "parent=gone0"],
    [/Parent device "gone0" doesn't exist/, "nictype=routed", "parent=gone0", "ipv4.address=192.0.2.2"],
    [/the guest has an interface "lo" already/, "nictype=p2p", "name=lo"],
    [/the host has an interface "wan0" already/, "nictype=p2p", "host_name=wan0"],
    [/VLAN filtering is not enabled on bridge "plain0"/, "nictype=bridged", "parent=plain0", "vlan=5"],
    [/nictype "ovn" is not supported/, "nictype=ovn"],
    [/nictype "sriov" is not supported/, "nictype=sriov", "parent=wan0"],
    [/"ipv4.routes" is not an option of a nic of type "macvlan"/, "nictype=macvlan", "parent=wan0", "ipv4.routes=10.0.0.0/8"],
    [/Cannot use "mtu" property in conjunction with "network"/, "network=berthbr0", "mtu=1400"],
    [/not within network "berthbr0" subnet/, "network=berthbr0", "ipv4.address=192.0.2.3"],
    [/IP address "[\d.]+" already defined on another NIC/, "network=berthbr0", `ipv4.address=${taken}`],
    [/requires a manually specified ipv4.address/, "nictype=bridged", "parent=plain0", "security.ipv4_filtering=true"],
    [/expected bits per second/, "network=berthbr0", "limits.max=fast"],
    [/of a group/, "network=berthbr0", "hwaddr=01:16:3e:00:00:00"],
  ];
  for (const [reason, ...options] of wrong) await lxcFails(reason, ...add(...options));
  assert.equal(await host("ip", "-o", "link"), links);
  assert.deepEqual((await daemon.must("GET", "/1.0/instances/a")).devices, {});
  assert.doesNotMatch(await rules(), /nic\./);
  await lxc(...add("nictype=p2p", "name=lan0"));
  await lxcFails(/Duplicate NIC name detected "lan0"/, "config", "device", "add", "a", "x2", "nic", "nictype=p2p", "name=lan0");
});

test("a change that fails half-way is taken back: the nic is in the guest as before", async () => {
  await guest("a", { net0: { nictype: "p2p", name: "net0", "ipv4.routes": "203.0.113.0/24" } });
  await lxcFails(/Parent device "gone0" doesn't exist/, "config", "device", "set", "a", "net0", "nictype=macvlan", "parent=gone0", "ipv4.routes=");
  const hostName = await hostNameOf("a");
  assert.equal(await hostHas(hostName), true);
  assert.match(await host("ip", "route"), new RegExp(`203\\.0\\.113\\.0/24 dev ${hostName}`));
  assert.equal(await inGuest(daemon, "a", "ls /sys/class/net"), "lo\nnet0");
  await lxcFails(/RTNETLINK|File exists/, "config", "device", "set", "a", "net0", "ipv4.routes", "192.0.2.0/24");
  assert.match(await host("ip", "route"), new RegExp(`203\\.0\\.113\\.0/24 dev ${hostName}`));
  await daemon.run("stop", "-f", "a");
  assert.equal(await hostHas(hostName), false);
});

test("a daemon that is killed while it plugs in leaves nothing behind", async () => {
  await guest("a", {});
  const links = await host("ip", "-o", "link");
  for (let delay = 0; delay < 40; delay += 10) {
    const kind = delay % 20 === 0 ? { nictype: "bridged", parent: "plain0", "security.mac_filtering": "true" } : { nictype: "physical", parent: "wan1" };
    const change = daemon.request("PATCH", "/1.0/instances/a", { devices: { net0: { type: "nic", name: "net0", ...kind } } }).catch(() => undefined);
    await pause(delay);
    await daemon.kill9();
    await change;
    await daemon.start();
    const { devices } = await daemon.must("GET", "/1.0/instances/a");
    const inside = await inGuest(daemon, "a", "ls /sys/class/net");
    assert.equal(inside, devices.net0 ? "lo\nnet0" : "lo", `killed after ${delay} ms`);
    await daemon.must("PUT", "/1.0/instances/a", { ...(await daemon.must("GET", "/1.0/instances/a")), devices: { eth0: { type: "none" } } });
    assert.equal((await host("ip", "-o", "link")).split("\n").length, links.split("\n").length, `killed after ${delay} ms`);
    assert.doesNotMatch(await rules(), /nic\./);
  }
});
