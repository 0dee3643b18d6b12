// The stock client of LXD drives instances: making, running, listing, changing and deleting them.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox } from "../helpers/guests.ts";
import { busyboxImages, fingerprintOf } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await daemon.lxc("version"); // its words for first-time users are said
});
after(() => daemon?.[Symbol.asyncDispose]());
beforeEach(() => daemon.deleteInstances());

/** Runs `lxc`, which must succeed; resolves with what it printed, without progress. */
async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Runs `lxc`, which must fail with status 1 and just this sentence. */
async function refuses(expected: string | RegExp, ...args: string[]): Promise<void> {
  const { stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 1, `lxc ${args.join(" ")} ended with ${code}`);
  if (typeof expected === "string") assert.equal(stderr, `Error: ${expected}\n`);
  else assert.match(stderr, expected);
}

const state = async (name: string) => (await lxc("list", `^${name}$`, "-c", "s", "-f", "csv")).trim();

test("init makes a stopped instance, from an alias, a fingerprint's beginning or nothing, and makes a name up", async () => {
  const print = fingerprintOf((await busyboxImages()).unified);
  assert.match(await lxc("init", "busybox", "a1"), /^Creating a1\s*(\rRetrieving image: Unpack: .*)?$/s);
  await lxc("init", print.slice(0, 8), "a2");
  await lxc("init", print, "a3");
  await lxc("init", "--empty", "a4");
  const [, name] = /Instance name is: (\S+)/.exec(await lxc("init", "busybox")) ?? [];
  assert.match(name ?? "", /^[a-z]+-[a-z]+$/);
  assert.deepEqual((await lxc("list", "-c", "ns", "-f", "csv")).trim().split("\n"), ["a1", "a2", "a3", "a4", name].sort().map((one) => `${one},STOPPED`));
});

test("launch takes configuration, profiles, a pool, a network and an ephemeral end", async () => {
  await lxc("profile", "create", "small");
  await lxc("profile", "set", "small", "limits.memory", "48MiB");
  await lxc("storage", "create", "second", "dir");
  await lxc("network", "create", "second0", "ipv6.address=none");
  await lxc("launch", "busybox", "b1", "-c", "user.colour=blue", "-c", "limits.cpu=1", "-p", "default", "-p", "small", "-s", "second", "-n", "second0", "-e");
  const view = await daemon.must("GET", "/1.0/instances/b1");
  assert.deepEqual([view.config["user.colour"], view.config["limits.cpu"], view.profiles, view.ephemeral, view.status], ["blue", "1", ["default", "small"], true, "Running"]);
  assert.deepEqual([view.expanded_config["limits.memory"], view.devices.root.pool, view.expanded_devices.eth0.network], ["48MiB", "second", "second0"]);
  await lxc("stop", "b1", "-f");
  await eventually(async () => (await lxc("list", "-f", "csv")) === "", { what: "the ephemeral instance is gone" });
  await lxc("network", "delete", "second0");
  await lxc("storage", "delete", "second");
  await lxc("profile", "delete", "small");
});

test("what init cannot do it says in a sentence, and nothing is left of it", async () => {
  await refuses("Image not found", "init", "nothing", "c1");
  await refuses('Requested profile "nothing" doesn\'t exist', "init", "busybox", "c1", "-p", "nothing");
  await refuses('Failed loading storage pool "nothing": Storage pool not found', "init", "busybox", "c1", "-s", "nothing");
  await refuses('Failed loading network "nothing": Network not found', "init", "busybox", "c1", "-n", "nothing");
  await refuses(/Unknown configuration key: limits\.memry/, "init", "busybox", "c1", "-c", "limits.memry=1GiB");
  await refuses(/Invalid value for "limits\.memory"/, "init", "busybox", "c1", "-c", "limits.memory=plenty");
  await refuses(/Invalid instance name/, "init", "busybox", "under_score");
  await refuses(/Invalid instance name/, "init", "busybox", "9lives");
  await refuses(/virtual-machine/, "init", "--empty", "--vm", "c1");
  assert.equal(await lxc("list", "-f", "csv"), "");
  await lxc("init", "busybox", "c1");
  await refuses('Instance "c1" already exists', "init", "busybox", "c1");
});

test("start, stop, restart and pause change the state, and refuse what makes no sense", async () => {
  await lxc("init", "busybox", "d1");
  await refuses("The instance is already stopped", "stop", "d1");
  await refuses("The instance is already stopped", "restart", "d1");
  await refuses("Instance is not running", "pause", "d1");
  await lxc("start", "d1");
  assert.equal(await state("d1"), "RUNNING");
  await refuses(/^Error: The instance is already running\n/, "start", "d1");
  const pid = (await lxc("list", "-c", "p", "-f", "csv")).trim();
  await lxc("restart", "d1", "-f");
  assert.notEqual((await lxc("list", "-c", "p", "-f", "csv")).trim(), pid);
  await lxc("pause", "d1");
  assert.equal(await state("d1"), "FROZEN");
  await refuses("The instance is already frozen", "pause", "d1");
  await lxc("start", "d1");
  assert.equal(await state("d1"), "RUNNING");
  await lxc("stop", "d1");
  assert.equal(await state("d1"), "STOPPED");
  for (const verb of ["start", "stop", "restart", "pause", "info"]) await refuses("Instance not found", verb, "nobody");
});

test("start --all and stop --all mean every instance that they can mean", async () => {
  for (const name of ["e1", "e2", "e3"]) await lxc("init", "busybox", name);
  await lxc("start", "e2");
  await lxc("start", "--all");
  assert.equal(await lxc("list", "-c", "s", "-f", "csv"), "RUNNING\nRUNNING\nRUNNING\n");
  await lxc("stop", "--all", "-f");
  assert.equal(await lxc("list", "-c", "s", "-f", "csv"), "STOPPED\nSTOPPED\nSTOPPED\n");
  await lxc("start", "e1", "e3");
  assert.equal(await lxc("list", "-c", "ns", "-f", "csv"), "e1,RUNNING\ne2,STOPPED\ne3,RUNNING\n");
});

test("delete takes several, and running ones only by force", async () => {
  for (const name of ["g1", "g2", "g3"]) await lxc("init", "busybox", name);
  await lxc("start", "g3");
  await lxc("delete", "g1", "g2");
  await refuses("The instance is currently running, stop it first or pass --force", "delete", "g3");
  await refuses('Failed checking instance exists "local:g1": Instance not found', "delete", "g1");
  await lxc("delete", "g3", "-f");
  assert.equal(await lxc("list", "-f", "csv"), "");
});

test("list shows every column, filters by name and by key, and speaks all formats", async () => {
  await lxc("launch", "busybox", "h1", "-c", "user.fruit=fig", "-c", "limits.memory=64MiB");
  await lxc("init", "busybox", "h2");
  await lxc("init", "busybox", "other");
  const address = await eventually(async () => (await lxc("list", "h1", "-c", "4", "-f", "csv")).match(/^(10[\d.]+) \(eth0\)/)?.[1]);
  const row = (await lxc("list", "h1", "-c", "nstSbuMDpPclaef4", "-f", "csv")).trim().split(",");
  const date = /^\d{4}\/\d\d\/\d\d \d\d:\d\d UTC$/;
  const expected = [/^h1$/, /^RUNNING$/, /^CONTAINER$/, /^0$/, /^default$/, /^\d+s$/, /^\d+\.\d%$/, /^$|B$/, /^\d+$/, /^default$/, date, date, /^x86_64|aarch64$/, /^default$/, /^[0-9a-f]{12}$/];
  for (const [i, pattern] of expected.entries()) assert.match(row[i] ?? "", pattern, `column ${i}: ${row.join()}`);
  assert.equal(row.at(-1), `${address} (eth0)`);
  assert.match(await lxc("list", "h1", "-c", "m", "-f", "csv"), /^\d+(\.\d+)?[KM]iB\n$/);
  const names = async (...filters: string[]) => (await lxc("list", ...filters, "-c", "n", "-f", "csv")).trim().split("\n").join(" ");
  assert.equal(await names("h"), "h1 h2");
  assert.equal(await names("^other$"), "other");
  assert.equal(await names("user.fruit=fig"), "h1");
  assert.equal(await names("u.fruit=fig"), "h1");
  assert.equal(await names("status=stopped"), "h2 other");
  assert.equal(await names("h", "status=stopped"), "h2");
  assert.equal(await lxc("list", `ipv4=${address}`, "-c", "n4", "-f", "csv"), `h1,${address} (eth0)\n`); // without column 4 lxc knows no addresses
  assert.equal(await names("type=container", "architecture=none"), "");
  assert.equal(await lxc("list", "other", "-c", "n", "-f", "compact"), "  NAME   \n  other  \n");
  assert.match(await lxc("list", "other"), /^\+-+\+[^]*\| other \| STOPPED \| {6}\| {6}\| CONTAINER \| 0 +\|\n\+/);
  assert.match(await lxc("list", "other", "--fast"), /NAME +\| +STATE +\| +ARCHITECTURE +\| +CREATED AT +\| +PROFILES +\| +TYPE/);
  assert.match(await lxc("list", "--all-projects", "-f", "csv"), /^default,h1,RUNNING,/);
  const json = JSON.parse(await lxc("list", "h1", "-f", "json"));
  assert.deepEqual([json.length, json[0].name, json[0].state.status, Object.keys(json[0].state.network).sort()], [1, "h1", "Running", ["eth0", "lo"]]);
  assert.match(await lxc("list", "h1", "-f", "yaml"), /^- architecture: [^]*\n {2}name: h1\n {2}status: Running\n/);
});

test("rename, configuration, devices and profiles of an instance", async () => {
  await lxc("init", "busybox", "i1");
  await lxc("rename", "i1", "i2");
  await refuses("Instance not found", "rename", "i1", "i3");
  await lxc("config", "set", "i2", "user.a=1", "limits.memory=96MiB");
  assert.equal(await lxc("config", "get", "i2", "limits.memory"), "96MiB\n");
  await lxc("config", "unset", "i2", "user.a");
  assert.equal(await lxc("config", "get", "i2", "user.a"), "\n");
  await refuses(/Unknown configuration key: no\.such/, "config", "set", "i2", "no.such=1");
  const shown = await lxc("config", "show", "i2");
  assert.match(shown, /^architecture: \S+\nconfig:\n[^]*\n {2}limits\.memory: 96MiB\n[^]*devices: \{\}\nephemeral: false\nprofiles:\n- default\nstateful: false\ndescription: ""\n$/);
  assert.match(await lxc("config", "show", "i2", "--expanded"), /devices:\n {2}eth0:\n {4}name: eth0\n {4}network: berthbr0\n {4}type: nic\n {2}root:/);
  const edited = await daemon.lxcWith({ input: shown.replace('description: ""', "description: changed") }, "config", "edit", "i2");
  assert.equal(edited.code, 0, edited.stderr);
  assert.equal((await daemon.must("GET", "/1.0/instances/i2")).description, "changed");
  await lxc("config", "device", "add", "i2", "eth1", "nic", "network=berthbr0", "name=eth1");
  assert.equal(await lxc("config", "device", "list", "i2"), "eth1\n");
  assert.equal(await lxc("config", "device", "get", "i2", "eth1", "network"), "berthbr0\n");
  await lxc("config", "device", "set", "i2", "eth1", "hwaddr", "00:16:3e:00:00:09");
  assert.match(await lxc("config", "device", "show", "i2"), /^eth1:\n {2}hwaddr: 00:16:3e:00:00:09\n {2}name: eth1\n/);
  await lxc("config", "device", "remove", "i2", "eth1");
  await refuses("Device doesn't exist", "config", "device", "remove", "i2", "eth1");
  await lxc("profile", "create", "extra");
  await lxc("profile", "add", "i2", "extra");
  await refuses("Profile is currently in use", "profile", "delete", "extra");
  await lxc("profile", "remove", "i2", "extra");
  await lxc("profile", "assign", "i2", "default,extra");
  assert.deepEqual((await daemon.must("GET", "/1.0/instances/i2")).profiles, ["default", "extra"]);
  await lxc("profile", "assign", "i2", "default");
  await lxc("profile", "delete", "extra");
});

test("info tells of an instance and of the server", async () => {
  await lxc("launch", "busybox", "k1");
  await eventually(async () => /inet: +10\./.test(await lxc("info", "k1")), { what: "info shows the address" });
  assert.match(await lxc("info", "k1"), /^Name: k1\nStatus: RUNNING\nType: container\nArchitecture: \S+\nPID: \d+\nCreated: .*UTC\nLast Used: .*UTC\n\nResources:\n {2}Processes: \d+\n[^]*Memory \(current\): [^]*eth0:\n {6}Type: broadcast\n {6}State: UP\n {6}Host interface: veth/);
  assert.equal((await daemon.lxc("info", "k1", "--show-log")).code, 0);
  const server = await lxc("info");
  assert.match(server, /^config: \{\}\napi_extensions:\n[^]*\nauth: trusted\n[^]*\n {2}server: lxd\n[^]*\n {2}server_version: 5\.0\.2\n/);
  assert.equal(await lxc("version"), "Client version: 5.0.2\nServer version: 5.0.2\n");
});
