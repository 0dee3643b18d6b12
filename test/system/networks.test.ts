// Runs the networks library for real: kernel bridges, dnsmasq, nft, in a network namespace of its own.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startNetwork, listHostInterfaces, type ManagedNetwork, readNetworkState, removeNetwork, resolveConfig } from "../../networks/network.ts";
import { readPidFile } from "../../networks/dnsmasq/pid-file.ts";
import { BerthError, fail } from "../../server/api/errors.ts";
import { run, type Run } from "../../server/host/run.ts";
import { setLogLevel } from "../../server/log.ts";

const file = fileURLToPath(import.meta.url);
const role = process.env["NETWORKS_TEST_ROLE"];
const host = { run };

async function until(what: string, condition: () => unknown, limit = 5000): Promise<void> {
  for (const deadline = Date.now() + limit; !condition(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
  }
}

if (role === "daemon") await runDaemonOnce();
else if (role === "inside") runInside();
else {
  const skip = process.getuid?.() !== 0 && "needs root";
  test("networks work on a real kernel", { skip }, () => {
    const env: NodeJS.ProcessEnv = { ...process.env, NETWORKS_TEST_ROLE: "inside" };
    delete env["NODE_TEST_CONTEXT"];
    const helper = fileURLToPath(new URL("../helpers/netns.sh", import.meta.url));
    const { status, stdout } = spawnSync(helper, [process.execPath, "--import", "tsx", file], { env, encoding: "utf8", timeout: 120_000 });
    if (process.env["TEST_VERBOSE"]) console.log(stdout);
    assert.equal(status, 0, stdout);
  });
}

/** A daemon that starts the network and ends, leaving it up. */
async function runDaemonOnce(): Promise<void> {
  const network = JSON.parse(process.argv[2] ?? "") as ManagedNetwork;
  const running = await startNetwork(network, host);
  await running.stop({ keepRunning: true });
}

function runInside(): void {
  let base: string;
  const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8" });
  const ruleset = (): string => execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" });
  const sysctl = (path: string): string => readFileSync(`/proc/sys/net/${path}`, "utf8").trim();
  const isUp = (name: string): boolean => existsSync(`/sys/class/net/${name}`);
  const config = { "ipv4.address": "10.77.1.1/24", "ipv4.nat": "true", "ipv6.address": "fd42:77:1:1::1/64", "ipv6.nat": "true" };
  const made: ManagedNetwork[] = [];
  const network = (name: string, change: Record<string, string> = {}): ManagedNetwork => {
    const net = { name, dir: `${base}/networks/${name}`, config: { ...config, ...change } };
    made.push(net);
    return net;
  };
  const pidOf = (net: ManagedNetwork): number | undefined => readPidFile(net.dir)?.pid;
  const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  const timings: string[] = [];
  async function timed<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    const start = performance.now();
    const result = await work();
    timings.push(`${what} ${(performance.now() - start).toFixed(1)} ms`);
    return result;
  }

  before(() => {
    setLogLevel("error");
    base = mkdtempSync(`${tmpdir()}/berth-networks-`);
    chmodSync(base, 0o711);
  });
  afterEach(async () => {
    for (const net of made.splice(0)) await removeNetwork(net, host);
  });
  after(() => {
    rmSync(base, { recursive: true, force: true });
    console.log(`timings: ${timings.join(", ")}`);
  });

  test("brings a network up, keeps it on a second start, and takes all of it away", async () => {
    const net = network("br-one", { "ipv4.routes": "10.78.0.0/16", "bridge.mtu": "1400" });
    const running = await timed("start", () => startNetwork(net, host));
    const pid = pidOf(net);
    assert.match(ip("-4", "addr", "show", "dev", "br-one"), /mtu 1400[^]*10\.77\.1\.1\/24/);
    assert.match(ip("-6", "addr", "show", "dev", "br-one"), /fd42:77:1:1::1\/64/);
    assert.match(ip("route", "show", "dev", "br-one"), /10\.78\.0\.0\/16 proto static/);
    assert.equal(sysctl("ipv4/ip_forward"), "1");
    assert.equal(sysctl("ipv6/conf/all/forwarding"), "1");
    assert.match(ruleset(), /chain pstrt\.br-one \{[^]*masquerade/);
    assert.ok(pid);
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\s+65534/m);

    const state = readNetworkState("br-one");
    assert.ok(state.addresses.some(({ address, netmask, scope }) => address === "10.77.1.1" && netmask === "24" && scope === "global"));
    assert.ok(state.addresses.some(({ address }) => address === "fd42:77:1:1::1"));
    assert.equal(state.mtu, 1400);
    assert.equal(state.state, "up");
    assert.match(state.hwaddr, /^00:16:3e:/);
    assert.ok(state.bridge);
    assert.deepEqual(listHostInterfaces(), [{ name: "br-one", type: "bridge" }, { name: "lo", type: "loopback" }]);

    ip("link", "add", "port0", "type", "veth", "peer", "name", "port1");
    ip("link", "set", "port0", "master", "br-one");
    await running.stop({ keepRunning: true });
    const again = await timed("adopt", () => startNetwork(net, host));
    assert.equal(pidOf(net), pid);
    assert.deepEqual(readNetworkState("br-one").bridge?.upper_devices, ["port0"]);

    const change = { "ipv4.address": "10.77.1.9/24", "ipv4.nat.order": "after", "ipv4.nat.address": "192.0.2.9", "ipv4.routing": "false", "ipv6.address": "none" };
    await timed("update", () => again.update({ ...config, ...change }));
    assert.match(ruleset(), /chain pstrtafter\.br-one \{[^]*snat ip to 192\.0\.2\.9/);
    assert.doesNotMatch(ruleset(), /masquerade|pstrt\.br-one/);
    assert.match(ruleset(), /iifname "br-one" reject/);
    assert.match(ip("-4", "addr", "show", "dev", "br-one"), /mtu 1500[^]*10\.77\.1\.9\/24/);
    assert.doesNotMatch(ip("-4", "addr", "show", "dev", "br-one"), /10\.77\.1\.1\//);
    assert.equal(ip("-6", "addr", "show", "dev", "br-one"), "");
    assert.doesNotMatch(ip("route", "show", "dev", "br-one"), /10\.78/);
    assert.notEqual(pidOf(net), pid);
    assert.deepEqual(readNetworkState("br-one").bridge?.upper_devices, ["port0"]);

    const last = pidOf(net) ?? 0;
    await timed("remove", () => again.remove());
    await again.remove();
    assert.equal(isUp("br-one"), false);
    assert.equal(existsSync(net.dir), false);
    assert.equal(isAlive(last), false);
    assert.equal(ruleset(), "");
    ip("link", "del", "port0");
  });

  test("survives the daemon, and the next one knows it again", async () => {
    const net = network("br-two");
    const env = { ...process.env, NETWORKS_TEST_ROLE: "daemon" };
    execFileSync(process.execPath, ["--import", "tsx", file, JSON.stringify(net)], { env, stdio: "inherit", timeout: 20_000 });
    const pid = pidOf(net) ?? 0;
    assert.ok(isAlive(pid));
    const running = await startNetwork(net, host);
    assert.equal(pidOf(net), pid);
    process.kill(pid, "SIGKILL");
    await timed("adopted dnsmasq killed, serving again", () => until("dnsmasq is back", () => pidOf(net) !== pid && pidOf(net) && isAlive(pidOf(net) ?? 0)));
    await running.remove();
  });

  test("restarts a dnsmasq that was killed", async () => {
    const net = network("br-three");
    const running = await startNetwork(net, host);
    for (let i = 0; i < 3; i++) {
      const pid = pidOf(net) ?? 0;
      process.kill(pid, "SIGKILL");
      await until("dnsmasq is back", () => pidOf(net) !== pid && isAlive(pidOf(net) ?? 0));
    }
    await running.remove();
    const pids = execFileSync("ps", ["-eo", "stat=,comm="], { encoding: "utf8" }).split("\n").filter((line) => /dnsmasq/.test(line) && !/^Z/.test(line));
    assert.deepEqual(pids, []);
  });

  test("ends a dnsmasq that a crash left without a record, and starts its own", async () => {
    const net = network("br-four");
    const first = await startNetwork(net, host);
    const pid = pidOf(net) ?? 0;
    await first.stop({ keepRunning: true });
    rmSync(`${net.dir}/dnsmasq.pid`);
    const second = await startNetwork(net, host);
    assert.notEqual(pidOf(net), pid);
    assert.equal(isAlive(pid), false);
    await second.remove();
  });

  test("says who has port 53, and leaves nothing of the network it could not start", async () => {
    const server = spawn(process.execPath, ["-e", `
      require("node:dgram").createSocket("udp4").bind(53, "0.0.0.0", () => require("node:net").createServer().listen(53, "0.0.0.0", () => console.log("up")));
    `], { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
    const net = network("br-five");
    await assert.rejects(timed("port taken", () => startNetwork(net, host)), (error: BerthError) => {
      assert.equal(error.code, "network_start_failed");
      assert.match(error.message, /dnsmasq: failed to create listening socket for .*Address already in use/);
      assert.match(error.hint ?? "", new RegExp(`Port 53 is taken by node \\(process ${server.pid}\\)`));
      return true;
    });
    assert.equal(isUp("br-five"), false);
    assert.equal(existsSync(net.dir), false);
    assert.equal(ruleset(), "");
    server.kill();
    await once(server, "exit");
  });

  test("refuses a subnet that the machine has already, and makes one up that it has not", async () => {
    ip("link", "add", "other", "type", "bridge");
    ip("addr", "add", "10.90.0.1/16", "dev", "other");
    ip("link", "set", "other", "up");
    await assert.rejects(resolveConfig({ "ipv4.address": "10.90.4.1/24", "ipv6.address": "none" }, "br-six", host), (error: BerthError) => {
      assert.equal(error.code, "subnet_taken");
      assert.equal(error.message, "Subnet 10.90.4.0/24 overlaps with 10.90.0.0/16, which other has");
      return true;
    });
    const settled = await timed("resolve", () => resolveConfig({}, "br-six", host));
    assert.match(settled["ipv4.address"] ?? "", /^10\.\d+\.\d+\.1\/24$/);
    assert.match(settled["ipv6.address"] ?? "", /^fd42:[0-9a-f:]+::1\/64$/);
    assert.equal(settled["ipv4.nat"], "true");
    ip("link", "del", "other");
  });

  test("shows nft's own words when it fails, and what to install when it is missing", async () => {
    const folder = mkdtempSync(`${base}/bin-`);
    writeFileSync(`${folder}/nft`, "#!/bin/sh\necho 'Error: Could not process rule: moon in the wrong quarter' >&2\nexit 1\n", { mode: 0o755 });
    const path = process.env["PATH"];
    process.env["PATH"] = `${folder}:${path}`;
    try {
      await assert.rejects(startNetwork(network("br-seven"), host), (error: BerthError) => (
        error.code === "network_start_failed" && /nft: Error: Could not process rule: moon in the wrong quarter/.test(error.message)
      ));
    } finally {
      process.env["PATH"] = path;
    }
    const without: Run = async (tool, ...rest) => {
      if (tool === "nft") throw fail("tool_missing", { tool, package: "nftables" });
      return run(tool, ...rest);
    };
    await assert.rejects(startNetwork(network("br-seven"), { run: without }), { code: "tool_missing", hint: "Install it: apt install nftables" });
    assert.equal(isUp("br-seven"), false);
  });

  test("says that dnsmasq cannot pass through a closed folder", async () => {
    const closed = mkdtempSync(`${base}/closed-`);
    const net = { ...network("br-eight"), dir: `${closed}/networks/br-eight` };
    await assert.rejects(startNetwork(net, host), (error: BerthError) => error.hint === `Let it pass: chmod o+x ${closed}`);
    assert.equal(isUp("br-eight"), false);
  });

  test("refuses an interface that is no bridge", async () => {
    ip("link", "add", "br-nine", "type", "veth", "peer", "name", "port9");
    await assert.rejects(startNetwork(network("br-nine"), host), /there is an interface "br-nine" on this machine that is no bridge/);
    ip("link", "del", "br-nine");
  });

  test("goes back to what it was when a change fails", async () => {
    const net = network("br-ten");
    const running = await startNetwork(net, host);
    await assert.rejects(running.update({ ...config, "raw.dnsmasq": "no-such-option=1" }), /dnsmasq: bad option at line 1/);
    assert.ok(isAlive(pidOf(net) ?? 0));
    assert.match(ruleset(), /in\.br-ten/);
    await running.remove();
    await removeNetwork(net, host);
  });

  test("forgets the interfaces that a daemon left which was killed, and keeps the lease of one that has another name now", async () => {
    const net = network("br-left");
    const mac = "00:16:3e:01:02:04";
    const files = () => ["hosts", "names"].map((folder) => readdirSync(`${net.dir}/dnsmasq.${folder}`).sort());
    const first = await startNetwork(net, host);
    for (const project of ["one", "two"]) first.setHost(`${project}_c1.eth0`, { mac, ipv4: "10.77.1.60", name: `c1.${project}` });
    first.setHost("c2.eth0", { mac: "00:16:3e:01:02:05", name: "c2" });
    await withGuest("br-left", mac, async (guest) => {
      assert.equal(askForLease(guest, mac), "10.77.1.60");
      await first.stop({ keepRunning: true });
      rmSync(`${net.dir}/dnsmasq.hosts/one_c1.eth0`); // killed between the two
      const second = await startNetwork(net, host);
      second.setHost("two_c1.eth0", { mac, ipv4: "10.77.1.60", name: "c1.two" });
      await second.removeUntold();
      assert.deepEqual(files(), [["two_c1.eth0"], ["two_c1.eth0"]]);
      first.setHost("one_c1.eth0", { mac, ipv4: "10.77.1.60", name: "c1.one" });
      const third = await startNetwork(net, host);
      third.setHost("two_c1.eth0", { mac, ipv4: "10.77.1.60", name: "c1.two" });
      await third.removeUntold();
      assert.deepEqual(files(), [["two_c1.eth0"], ["two_c1.eth0"]]);
      await sleep(100);
      assert.match(readFileSync(`${net.dir}/dnsmasq.leases`, "utf8"), new RegExp(mac));
      await third.remove();
    });
  });

  test("leases a reserved address by DHCP and ends the lease with its host", async () => {
    const net = network("br-dhcp");
    const running = await startNetwork(net, host);
    const mac = "00:16:3e:01:02:03";
    await timed("setHost with reload", () => running.setHost("c1.eth0", { mac, ipv4: "10.77.1.50", name: "c1" }));
    assert.equal(readFileSync(`${net.dir}/dnsmasq.hosts/c1.eth0`, "utf8"), `${mac},10.77.1.50,c1\n`);
    assert.equal(statSync(`${net.dir}/dnsmasq.hosts/c1.eth0`).mode & 0o777, 0o644);
    assert.ok(isAlive(pidOf(net) ?? 0));
    await withGuest("br-dhcp", mac, async (guest) => {
      assert.equal(askForLease(guest, mac), "10.77.1.50");
      const leases = (): string => readFileSync(`${net.dir}/dnsmasq.leases`, "utf8");
      assert.match(leases(), /00:16:3e:01:02:03 10\.77\.1\.50 c1 /);
      const rows = running.leases();
      assert.deepEqual(rows.map(({ hostname, address, type }) => [hostname, address, type]), [
        ["br-dhcp.gw", "10.77.1.1", "gateway"], ["br-dhcp.gw", "fd42:77:1:1::1", "gateway"],
        ["c1", "10.77.1.50", "static"], ["c1", "fd42:77:1:1:216:3eff:fe01:203", "dynamic"],
      ]);
      await timed("removeHost", () => running.removeHost("c1.eth0"));
      await timed("lease gone after", () => until("the lease is gone", () => !leases().includes(mac), 2000));
    });
    assert.equal(running.leases().length, 2);
    await running.remove();
    assert.equal(ruleset(), "");
  });

  /** A machine on the bridge: a network namespace with one interface, gone afterwards. */
  async function withGuest(bridge: string, mac: string, use: (guest: ChildProcess) => Promise<void>): Promise<void> {
    const guest = spawn("unshare", ["--net", "sleep", "60"], { stdio: "ignore" });
    try {
      await until("the guest has its own network", () => readNetns(guest.pid) !== readNetns(process.pid) && readNetns(guest.pid));
      ip("link", "add", "vethg", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", String(guest.pid));
      ip("link", "set", "vethg", "master", bridge, "up");
      const inside = ["link set eth0 up", "addr add 169.254.9.9/16 dev eth0", "route add default dev eth0"];
      execFileSync("nsenter", [`--net=/proc/${guest.pid}/ns/net`, "ip", "-batch", "-"], { input: inside.join("\n") });
      await use(guest);
    } finally {
      guest.kill();
      await once(guest, "exit");
    }
  }

  function readNetns(pid: number | undefined): string {
    try {
      return execFileSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  }

  /** Asks for an address by DHCP with rapid commit (one question, one answer) and returns it. */
  function askForLease(guest: ChildProcess, mac: string): string {
    const client = `
      const hex = ${JSON.stringify(mac.replaceAll(":", ""))};
      const packet = Buffer.alloc(240);
      packet.set([1, 1, 6, 0, 9, 9, 9, 9, 0, 0, 0x80, 0]);
      packet.set(Buffer.from(hex, "hex"), 28);
      packet.set([0x63, 0x82, 0x53, 0x63], 236);
      const question = Buffer.concat([packet, Buffer.from([53, 1, 1, 80, 0, 61, 7, 1]), Buffer.from(hex, "hex"), Buffer.from([255])]);
      const socket = require("node:dgram").createSocket({ type: "udp4", reuseAddr: true });
      socket.on("message", (answer) => { console.log([...answer.subarray(16, 20)].join(".")); process.exit(0); });
      socket.bind(68, () => {
        socket.setBroadcast(true);
        const ask = () => socket.send(question, 67, "255.255.255.255");
        ask();
        setInterval(ask, 200);
      });
    `;
    return execFileSync("nsenter", [`--net=/proc/${guest.pid}/ns/net`, process.execPath, "-e", client], { encoding: "utf8", timeout: 10_000 }).trim();
  }
}
