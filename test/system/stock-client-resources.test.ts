// The stock client of LXD handles networks, profiles, pools and operations, watches events and asks raw questions.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { clientEnv, importBusybox } from "../helpers/guests.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function edit(input: string, ...args: string[]): Promise<void> {
  const { stderr, code } = await daemon.lxcWith({ input }, ...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
}

async function refuses(expected: string | RegExp, ...args: string[]): Promise<void> {
  const { stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 1, `lxc ${args.join(" ")}`);
  if (typeof expected === "string") assert.equal(stderr, `Error: ${expected}\n`);
  else assert.match(stderr, expected);
}

test("networks are made, shown, changed, renamed and deleted", async () => {
  assert.equal(await lxc("network", "create", "net0", "ipv4.address=10.94.1.1/24", "ipv6.address=none"), "Network net0 created\n");
  await refuses("The network already exists", "network", "create", "net0");
  await refuses(/Networks of type "ovn" are not supported/, "network", "create", "net1", "--type=ovn");
  await refuses(/Unknown configuration key: nonsense/, "network", "create", "net1", "nonsense=1");
  assert.equal(await lxc("network", "show", "net0"), `config:
  ipv4.address: 10.94.1.1/24
  ipv6.address: none
description: ""
name: net0
type: bridge
used_by: []
managed: true
status: Created
locations:
- none
`);
  assert.match(await lxc("network", "list", "-f", "csv"), /^net0,bridge,YES,10\.94\.1\.1\/24,none,,0,CREATED$/m);
  assert.match(await lxc("network", "info", "net0"), /^Name: net0\nMAC address: 00:16:3e:[0-9a-f:]{8}\nMTU: 1500\nState: up\nType: broadcast\n\nIP addresses:\n {2}inet\t10\.94\.1\.1\/24 \(global\)\n[^]*Bridge:\n {2}ID: 8000\.00163e/);
  assert.match(await lxc("network", "info", "lo"), /^Name: lo\n[^]*Type: loopback\n/);
  await lxc("network", "set", "net0", "bridge.mtu=1450", "user.note=hello");
  assert.equal(await lxc("network", "get", "net0", "bridge.mtu"), "1450\n");
  assert.match(await lxc("network", "info", "net0"), /MTU: 1450/);
  await lxc("network", "unset", "net0", "bridge.mtu");
  assert.match(await lxc("network", "info", "net0"), /MTU: 1500/);
  await edit((await lxc("network", "show", "net0")).replace('description: ""', "description: for tests"), "network", "edit", "net0");
  assert.match(await lxc("network", "show", "net0"), /description: for tests/);
  assert.match(await lxc("network", "list-leases", "net0", "-f", "csv"), /^net0\.gw,.*,10\.94\.1\.1,GATEWAY\n$/);
  assert.equal(await lxc("network", "rename", "net0", "net9"), "Network net0 renamed to net9\n");
  assert.equal(await lxc("network", "delete", "net9"), "Network net9 deleted\n");
  for (const verb of ["delete", "show", "info"]) await refuses("Network not found", "network", verb, "net9");
});

test("profiles are made, shown, edited, copied, renamed and deleted, with their devices", async () => {
  assert.equal(await lxc("profile", "create", "p1"), "Profile p1 created\n");
  await refuses('Profile "p1" already exists', "profile", "create", "p1");
  await lxc("profile", "set", "p1", "user.a", "b");
  await refuses(/Unknown configuration key: nonsense/, "profile", "set", "p1", "nonsense", "1");
  assert.equal(await lxc("profile", "device", "add", "p1", "eth1", "nic", "network=berthbr0", "name=eth1"), "Device eth1 added to p1\n");
  assert.equal(await lxc("profile", "show", "p1"), "config:\n  user.a: b\ndescription: \"\"\ndevices:\n  eth1:\n    name: eth1\n    network: berthbr0\n    type: nic\nname: p1\nused_by: []\n");
  assert.equal(await lxc("profile", "device", "list", "p1"), "eth1\n");
  await lxc("profile", "device", "remove", "p1", "eth1");
  await edit("description: by hand\nconfig:\n  user.c: d\ndevices: {}\n", "profile", "edit", "p1");
  assert.equal(await lxc("profile", "get", "p1", "user.c"), "d\n");
  assert.equal(await lxc("profile", "get", "p1", "user.a"), "\n");
  await lxc("profile", "copy", "p1", "p2");
  await lxc("profile", "rename", "p2", "p3");
  assert.equal(await lxc("profile", "list", "-f", "csv"), "default,Default Berth profile,0\np1,by hand,0\np3,by hand,0\n");
  for (const name of ["p1", "p3"]) assert.equal(await lxc("profile", "delete", name), `Profile ${name} deleted\n`);
  await refuses("Profile not found", "profile", "delete", "p1");
  await refuses('The "default" profile cannot be deleted', "profile", "delete", "default");
  await refuses('The "default" profile cannot be renamed', "profile", "rename", "default", "other");
});

test("storage pools are made, shown and deleted, and not while they are in use", async () => {
  assert.equal(await lxc("storage", "create", "pool1", "dir"), "Storage pool pool1 created\n");
  await refuses("The storage pool already exists", "storage", "create", "pool1", "dir");
  await refuses(/Storage driver "nonsense" is not supported/, "storage", "create", "pool2", "nonsense");
  assert.match(await lxc("storage", "list", "-f", "csv"), /^pool1,dir,\S+\/storage-pools\/pool1,,0,CREATED$/m);
  assert.match(await lxc("storage", "show", "pool1"), /^config:\n {2}source: \S+\n[^]*description: ""\nname: pool1\ndriver: dir\nused_by: \[\]\nstatus: Created\nlocations:\n- none\n$/);
  await lxc("init", "busybox", "s1", "-s", "pool1");
  assert.match(await lxc("storage", "info", "pool1"), /^info:\n {2}description: ""\n {2}driver: dir\n {2}name: pool1\n {2}space used: [\d.]+.iB\n {2}total space: [\d.]+.iB\nused by:\n {2}images:\n {2}- [0-9a-f]{64}\n {2}instances:\n {2}- s1\n/);
  await refuses("The storage pool is currently in use", "storage", "delete", "pool1");
  await lxc("delete", "s1");
  assert.equal(await lxc("storage", "delete", "pool1"), "Storage pool pool1 deleted\n");
  await refuses("Storage pool not found", "storage", "show", "pool1");
});

test("a running operation is listed and shown, and what cannot be cancelled says so", async () => {
  await lxc("launch", "busybox", "o1");
  const child = spawn("lxc", ["exec", "o1", "--", "cat"], { env: { ...process.env, ...clientEnv(daemon) }, stdio: ["pipe", "ignore", "ignore"] });
  const row = await eventually(async () => (await lxc("operation", "list", "-f", "csv")).split("\n").find((line) => line.includes("Executing command,RUNNING")));
  const [id = "", type, , status] = row.split(",");
  assert.deepEqual([type, status], ["WEBSOCKET", "RUNNING"]);
  assert.match(await lxc("operation", "show", id), new RegExp(`^id: ${id}\\nclass: websocket\\ndescription: Executing command\\n[^]*status: Running\\nstatus_code: 103\\n[^]*- /1\\.0/instances/o1\\n[^]*may_cancel: false\\n`));
  await refuses("This operation can't be cancelled", "operation", "delete", id);
  child.stdin.end();
  await eventually(async () => !(await lxc("operation", "list", "-f", "csv")).includes("RUNNING"));
  await refuses("Only running operations can be cancelled", "operation", "delete", id);
  for (const verb of ["show", "delete"]) await refuses("Operation not found", "operation", verb, "00000000-0000-4000-8000-000000000000");
  await lxc("delete", "-f", "o1");
});

/** Runs `lxc monitor` while something happens, until it has seen what is awaited. */
async function watch(flags: string[], until: RegExp, work: () => Promise<unknown>): Promise<string> {
  const child = spawn("lxc", ["monitor", ...flags], { env: { ...process.env, ...clientEnv(daemon) }, stdio: ["ignore", "pipe", "inherit"] });
  let seen = "";
  child.stdout.on("data", (chunk: Buffer) => {
    seen += chunk;
  });
  try {
    // It says nothing when it is connected: small changes are made until it tells of one.
    await eventually(async () => {
      await daemon.must("PATCH", "/1.0/profiles/default", { config: { "user.tick": String(Date.now()) } });
      await daemon.must("POST", "/1.0/instances/idle/exec", { command: ["true"] }).catch(() => {});
      return seen !== "";
    }, { every: 100, what: "lxc monitor tells something" });
    await work();
    await eventually(() => until.test(seen), { what: `lxc monitor tells ${until}` });
  } finally {
    child.kill();
  }
  return seen;
}

test("monitor tells of what happens, in all its shapes", async () => {
  await lxc("launch", "busybox", "idle");
  const init = () => lxc("init", "busybox", "m1");
  const all = await watch([], /action: instance-created/, init);
  assert.match(all, /type: lifecycle/);
  assert.match(all, /description: Creating instance/);
  assert.match(all, /source: \/1\.0\/instances\/m1/);
  await lxc("delete", "m1");
  const operations = await watch(["--type=operation"], /Creating instance[^]*status: Success/, init);
  assert.doesNotMatch(operations, /type: lifecycle/);
  await lxc("delete", "m1");
  const json = await watch(["--type=lifecycle", "-f", "json"], /instance-created/, init);
  const events = json.split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
  assert.ok(events.every(({ type }) => type === "lifecycle"));
  const { metadata, project } = events.find((event) => event.metadata.action === "instance-created");
  assert.deepEqual([metadata.source, metadata.requestor.protocol, project], ["/1.0/instances/m1", "unix", "default"]);
  await lxc("delete", "m1");
  const pretty = await watch(["--pretty"], /instance-created/, init);
  assert.match(pretty, /^time="[^"]+" level=info msg="Action: instance-created, Source: \/1\.0\/instances\/m1, Requestor: unix\/root/m);
  await lxc("delete", "m1");
  await lxc("delete", "-f", "idle");
});

test("query sends any method and body, waits when asked, and shows errors as they are", async () => {
  assert.deepEqual(JSON.parse(await lxc("query", "/1.0/profiles")), ["/1.0/profiles/default"]);
  assert.equal(JSON.parse(await lxc("query", "--raw", "/1.0")).status_code, 200);
  await lxc("query", "-X", "POST", "-d", '{"name":"q"}', "/1.0/profiles");
  await lxc("query", "-X", "PATCH", "-d", '{"description":"by query"}', "/1.0/profiles/q");
  assert.equal(JSON.parse(await lxc("query", "/1.0/profiles/q")).description, "by query");
  await lxc("query", "-X", "DELETE", "/1.0/profiles/q");
  await refuses("Profile not found", "query", "/1.0/profiles/q");
  await refuses("not found", "query", "/1.0/nonsense");
  await refuses(/Invalid request body/, "query", "-X", "POST", "-d", "nonsense", "/1.0/profiles");
  const source = { type: "image", alias: "busybox" };
  const made = JSON.parse(await lxc("query", "--wait", "-X", "POST", "-d", JSON.stringify({ name: "q1", source }), "/1.0/instances"));
  assert.deepEqual([made.status, made.resources.instances], ["Success", ["/1.0/instances/q1"]]);
  const started = JSON.parse(await lxc("query", "--wait", "-X", "PUT", "-d", '{"action":"start"}', "/1.0/instances/q1/state"));
  assert.equal(started.status_code, 200);
  await refuses(/Unknown action/, "query", "-X", "PUT", "-d", '{"action":"fly"}', "/1.0/instances/q1/state");
  await lxc("delete", "-f", "q1");
});

test("the server's own configuration is set, read and unset", async () => {
  assert.equal(await lxc("config", "show"), "config: {}\n");
  await lxc("config", "set", "user.owner", "me");
  assert.equal(await lxc("config", "get", "user.owner"), "me\n");
  assert.equal(await lxc("config", "show"), "config:\n  user.owner: me\n");
  await lxc("config", "unset", "user.owner");
  await refuses(/Unknown configuration key: core\.nonsense/, "config", "set", "core.nonsense", "1");
  assert.equal(await lxc("config", "show"), "config: {}\n");
});
