// Projects with real containers: two of one name side by side, moves between projects and what survives of them when the daemon
// is killed, and what the stock `lxc` and `berth` do with projects.
import assert from "node:assert/strict";
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type Heard, listen } from "../api/sockets.ts";
import { importBusybox } from "../helpers/guests.ts";
import { busyboxImages } from "../helpers/images.ts";
import { exec } from "../helpers/exec.ts";
import { remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const name = `proj${process.pid}`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon({ args: ["--user-group", "54321"] });
  await importBusybox(daemon);
  const { devices } = await daemon.must("GET", "/1.0/profiles/default");
  for (const project of ["one", "two"]) {
    await daemon.must("POST", "/1.0/projects", { name: project, config: { "features.images": "false" } });
    await daemon.must("PATCH", `/1.0/profiles/default?project=${project}`, { devices });
  }
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^(one_|two_)?${name}`)), []);
  for (const folder of ["hosts", "names"]) assert.deepEqual(readdirSync(`${daemon.dir}/networks/berthbr0/dnsmasq.${folder}`), []);
});

const url = (project: string, rest = "") => `/1.0/instances/${name}${rest}?project=${project}`;
const exists = async (path: string) => (await daemon.request("GET", path)).status === 200;
const file = (project: string) => `${url(project, "/files")}&path=/home/state`;
const write = (project: string, text: string) => daemon.must("POST", file(project), text, { headers: { "content-type": "application/octet-stream" } });
const read = async (project: string) => (await daemon.request("GET", file(project))).text;
const create = (project: string, more: object = {}) => daemon.must("POST", `/1.0/instances?project=${project}`, { name, source: { type: "image", alias: "busybox" }, ...more });
const act = (project: string, action: string) => daemon.must("PUT", url(project, "/state"), { action, force: action === "stop", timeout: 30 });
const move = (from: string, to: string, more: object = {}) => daemon.must("POST", url(from), { name, migration: true, live: true, project: to, ...more });
const hosts = () => readdirSync(`${daemon.dir}/networks/berthbr0/dnsmasq.hosts`);

async function addressOf(project: string): Promise<string> {
  return eventually(async () => {
    const { network } = await daemon.must("GET", url(project, "/state"));
    return network.eth0?.addresses.find(({ family, scope }: { family: string; scope: string }) => family === "inet" && scope === "global")?.address;
  }, { what: `${name} of ${project} has an address` });
}

async function inGuest(project: string, script: string): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc("exec", name, "--project", project, "--", "sh", "-c", script);
  assert.equal(code, 0, stderr + stdout);
  return stdout.trim();
}

test("two instances of one name in two projects run side by side, and DNS knows both", async () => {
  for (const project of ["one", "two"]) await create(project, { config: { "user.of": project } });
  await create("default");
  for (const project of ["one", "two", "default"]) await act(project, "start");
  const [one, two, own] = await Promise.all(["one", "two", "default"].map(addressOf));
  assert.equal(new Set([one, two, own]).size, 3);
  assert.deepEqual(hosts().sort(), [`${name}.eth0`, `one_${name}.eth0`, `two_${name}.eth0`].sort());
  const lookUp = async (host: string) => (await inGuest("two", `nslookup ${host} 2>/dev/null | sed -n 's/^Address.*: *//p'`)).split("\n").filter((line) => !line.includes("#") && !line.includes(":53"));
  assert.ok((await lookUp(`${name}.one.lxd`)).includes(one as string));
  assert.ok((await lookUp(`${name}.two.lxd`)).includes(two as string));
  assert.ok((await lookUp(`${name}.lxd`)).includes(own as string));
  assert.equal(await inGuest("one", "hostname"), name);
  await write("one", "of one");
  assert.notEqual(await read("two"), "of one");
  for (const folder of ["logs", "devices", "containers", "storage-pools/default/containers"]) {
    for (const system of [name, `one_${name}`, `two_${name}`]) assert.ok(existsSync(`${daemon.dir}/${folder}/${system}`), `${folder}/${system}`);
  }
  const leases = async (project: string) => (await daemon.must("GET", `/1.0/networks/berthbr0/leases?project=${project}`)).filter(({ type }: { type: string }) => type !== "gateway").map(({ hostname }: { hostname: string }) => hostname);
  assert.ok((await leases("one")).every((host: string) => host.startsWith(`${name}.one`) || host === name), JSON.stringify(await leases("one")));
  assert.ok((await leases("one")).length > 0);
  // A daemon that finds them running knows which is whose.
  await daemon.restart();
  for (const project of ["one", "two", "default"]) assert.equal((await daemon.must("GET", url(project, "/state"))).status, "Running");
  await act("one", "stop");
  assert.deepEqual([(await daemon.must("GET", url("one", "/state"))).status, (await daemon.must("GET", url("two", "/state"))).status], ["Stopped", "Running"]);
});

test("an instance moves to another project with its files, snapshots, addresses and logs, and runs there", async () => {
  await create("one", { config: { "user.a": "1" } });
  await act("one", "start");
  await write("one", "kept");
  const refused = await daemon.request("POST", url("one"), { name, migration: true, live: true, project: "two" });
  assert.deepEqual([refused.status, refused.json.error], [400, "Instance must be stopped to move between projects statelessly"]);
  await act("one", "stop");
  await daemon.must("POST", url("one", "/snapshots"), { name: "s0" });
  const before = await daemon.must("GET", url("one"));
  await move("one", "two");
  assert.equal(await exists(url("one")), false);
  const after = await daemon.must("GET", url("two"));
  assert.deepEqual([after.project, after.config, after.profiles], ["two", before.config, before.profiles]);
  assert.deepEqual(hosts(), [`two_${name}.eth0`]);
  assert.deepEqual(await daemon.must("GET", url("two", "/snapshots")), [`/1.0/instances/${name}/snapshots/s0?project=two`]);
  assert.equal((await daemon.request("GET", url("two", "/logs/lxc.log"))).status, 200);
  assert.equal(existsSync(`${daemon.dir}/logs/one_${name}`), false);
  await act("two", "start");
  assert.equal(await read("two"), "kept");
  await act("two", "stop");
  await daemon.must("PUT", url("two"), { restore: "s0" });
  assert.equal(await read("two"), "kept");
  await move("two", "default", { instance_only: true });
  assert.deepEqual(await daemon.must("GET", url("default", "/snapshots")), []);
});

test("an instance takes its root disk along to a project whose profile has none, and is refused where its profiles are not", async () => {
  await daemon.must("POST", "/1.0/projects", { name: "bare", config: { "features.images": "false" } });
  await daemon.must("POST", "/1.0/profiles?project=one", { name: "extra" });
  await create("one", { profiles: ["default", "extra"] });
  const missing = await daemon.request("POST", url("one"), { name, migration: true, project: "bare" });
  assert.deepEqual([missing.status, missing.json.error], [404, 'Requested profile "extra" doesn\'t exist']);
  await daemon.must("PATCH", url("one"), { profiles: ["default"] });
  await move("one", "bare");
  const { devices, expanded_devices: expanded } = await daemon.must("GET", url("bare"));
  assert.deepEqual([devices, expanded], [{ root: { type: "disk", path: "/", pool: "default" } }, devices]);
  assert.deepEqual(hosts(), []);
  await act("bare", "start");
  await daemon.deleteInstances();
  await daemon.must("DELETE", "/1.0/profiles/extra?project=one");
  await daemon.must("DELETE", "/1.0/projects/bare");
});

test("when the daemon is killed during a move to another project, the instance is in one of the two, whole", async () => {
  await create("one");
  await write("one", "whole");
  await daemon.must("POST", url("one", "/snapshots"), { name: "s0" });
  let [from, to] = ["one", "two"];
  for (const delay of [0, 1, 2, 4, 8, 14, 25]) {
    const moving = move(from, to).catch(() => {});
    await pause(delay);
    await daemon.kill9();
    await moving;
    await daemon.start();
    const [there, here] = [await exists(url(to)), await exists(url(from))];
    assert.notEqual(there, here, "it is in one project");
    if (there) [from, to] = [to, from];
    assert.equal(await read(from), "whole");
    assert.deepEqual(hosts(), [`${from}_${name}.eth0`]);
    assert.deepEqual(await daemon.must("GET", url(from, "/snapshots")), [`/1.0/instances/${name}/snapshots/s0?project=${from}`]);
    for (const folder of ["logs", "devices", "containers", "storage-pools/default/containers"]) {
      assert.deepEqual(readdirSync(`${daemon.dir}/${folder}`).filter((one) => one.includes(name)), [`${from}_${name}`], folder);
    }
  }
  await act(from, "start");
  assert.equal(await read(from), "whole");
});

test("when the daemon is killed during changes of projects, each is done or not", async () => {
  for (const delay of [0, 1, 3]) {
    const doing = daemon.must("POST", "/1.0/projects", { name: "new" }).then(() => daemon.must("POST", "/1.0/projects/new", { name: "newer" })).catch(() => {});
    await pause(delay);
    await daemon.kill9();
    await doing;
    await daemon.start();
    for (const project of ["new", "newer"]) {
      if (!(await exists(`/1.0/projects/${project}`))) continue;
      assert.deepEqual(await daemon.must("GET", `/1.0/profiles?project=${project}`), [`/1.0/profiles/default?project=${project}`]);
      await daemon.must("DELETE", `/1.0/projects/${project}`);
    }
  }
});

/** Commands of a client's: what they print, or the error they end with. */
const commands: readonly [string[], string | RegExp][] = [
  [["project", "create", "px", "-c", "features.images=false", "-c", "limits.containers=2"], "Project px created\n"],
  [["project", "create", "px"], /^Error: A project named "px" already exists/],
  [["project", "create", "p_x"], /^Error: Project names may not contain underscores/],
  [["project", "get", "px", "limits.containers"], "2\n"],
  [["project", "set", "px", "limits.instances=3", "user.a=b"], ""],
  [["project", "set", "px", "limits.instance=3"], /^Error: Unknown configuration key: limits\.instance \(did you mean "limits\.instances"\?\)/],
  [["project", "unset", "px", "user.a"], ""],
  [["project", "show", "px"], [
    "config:", '  features.images: "false"', '  features.profiles: "true"', '  features.storage.volumes: "true"', '  limits.containers: "2"', '  limits.instances: "3"',
    'description: ""', "name: px", "used_by:", "- /1.0/profiles/default?project=px", "",
  ].join("\n")],
  [["project", "info", "px"], /\| CONTAINERS +\| 2 +\| 0 +\|/],
  [["project", "list"], /\| px +\| NO +\| YES +\| YES +\| NO +\| +\| 1 +\|/],
  [["project", "rename", "px", "py"], "Project px renamed to py\n"],
  [["project", "rename", "default", "z"], /^Error: The 'default' project cannot be renamed/],
  [["profile", "device", "add", "default", "root", "disk", "path=/", "pool=default", "--project", "py"], /^Device root added to default\n$/],
  [["--project", "py", "launch", "busybox", name], /Starting /],
  [["list", "--project", "py", "-f", "csv", "-c", "ns"], `${name},RUNNING\n`],
  [["list", "-f", "csv", "-c", "n"], ""],
  [["list", "--all-projects", "-f", "csv", "-c", "nse"], `${name},RUNNING,py\n`],
  [["--project", "py", "exec", name, "--", "hostname"], `${name}\n`],
  [["project", "delete", "py"], /^Error: Only empty projects can be removed/],
  [["--project", "py", "copy", name, `${name}-2`, "--target-project", "one"], ""],
  [["--project", "py", "stop", "-f", name], ""],
  [["--project", "py", "move", name, `${name}-3`, "--target-project", "two"], ""],
  [["list", "--all-projects", "-f", "csv", "-c", "nse"], `${name}-2,STOPPED,one\n${name}-3,STOPPED,two\n`],
  [["project", "switch", "two"], ""],
  [["start", `${name}-3`], ""],
  [["list", "-f", "csv", "-c", "ns"], `${name}-3,RUNNING\n`],
  [["delete", "-f", `${name}-3`], ""],
  [["project", "list"], /\| two \(current\) /],
  [["project", "switch", "nope"], /^Error: Project not found/],
  [["project", "switch", "default"], ""],
  [["--project", "one", "delete", `${name}-2`], ""],
  [["project", "delete", "py"], "Project py deleted\n"],
];

for (const client of ["lxc", "berth"] as const) {
  test(`${client} makes, changes and uses projects`, async () => {
    for (const [args, expected] of commands) {
      const { code, stdout, stderr } = await daemon[client](...args);
      const what = `${client} ${args.join(" ")}`;
      const fails = expected instanceof RegExp && expected.source.startsWith("^Error");
      assert.equal(code, fails ? 1 : 0, `${what}: ${stderr}${stdout}`);
      const said = fails ? stderr : stdout;
      if (typeof expected === "string") assert.equal(said, expected, what);
      else assert.match(said, expected, what);
    }
  });
}

test("a project is edited as YAML, by either client", async () => {
  for (const client of ["lxcWith", "berthWith"] as const) {
    await daemon.run("project", "create", "edited");
    const yaml = 'description: mine\nconfig:\n  features.images: "true"\n  features.profiles: "true"\n  limits.containers: "7"\n';
    const { code, stderr } = await daemon[client]({ input: yaml }, "project", "edit", "edited");
    assert.equal(code, 0, stderr);
    const { config, description } = await daemon.must("GET", "/1.0/projects/edited");
    assert.deepEqual([config["limits.containers"], description], ["7", "mine"]);
    await daemon.run("project", "delete", "edited");
  }
});

test("a user of the machine runs containers in a project of its own by the stock client, and reaches no other", async () => {
  const [uid, gid] = [12_345, 54_321];
  const conf = mkdtempSync(`${dirname(daemon.dir)}/user-`);
  chownSync(conf, uid, gid);
  cpSync(`${dirname(daemon.dir)}/lxc/config.yml`, `${conf}/config.yml`);
  const env = { LXD_SOCKET: `${daemon.dir}/unix-user.socket`, LXD_DIR: daemon.dir, LXD_CONF: conf, HOME: conf };
  const lxc = (...args: string[]) => exec("setpriv", [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "lxc", ...args], { env });
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await lxc(...args);
    assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  await create("one");
  const [image = ""] = (await busyboxImages()).unified;
  cpSync(image, `${conf}/image.tar`);
  await ok("image", "import", `${conf}/image.tar`, "--alias", "mine");
  await ok("launch", "mine", name);
  assert.equal(await ok("exec", name, "--", "hostname"), `${name}\n`);
  assert.equal(await ok("list", "-f", "csv", "-c", "nse"), `${name},RUNNING,user-${uid}\n`);
  assert.match((await lxc("list", "--project", "one")).stderr, /not authorized/);
  assert.match((await lxc("config", "device", "add", name, "etc", "disk", "source=/etc", "path=/mnt")).stderr, /Attaching disks not backed by a pool is forbidden/);
  assert.match((await lxc("config", "set", name, "security.privileged=true")).stderr, /Privileged containers are forbidden/);
  const admin = await exec("setpriv", [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "lxc", "list"], { env: { ...env, LXD_SOCKET: daemon.socket } });
  assert.match(admin.stderr, /permission denied/);
  await ok("delete", "-f", name);
  await ok("image", "delete", "mine");
});

test("events tell of what happens in their project", async () => {
  const [one, two, all] = await Promise.all([listen(daemon, "?type=lifecycle&project=one"), listen(daemon, "?type=lifecycle&project=two"), listen(daemon, "?type=lifecycle&all-projects=true")]);
  await daemon.must("POST", "/1.0/instances?project=one", { name, source: { type: "none" } });
  await move("one", "two");
  await daemon.must("DELETE", url("two"));
  const told = ({ events }: Heard) =>
    events.map(({ metadata, project }) => `${metadata.action} ${metadata.source} ${project}`);
  const [a, b] = [`/1.0/instances/${name}?project=one one`, `/1.0/instances/${name}?project=two two`];
  await eventually(() => told(all).length >= 4, { what: "all was told" });
  assert.deepEqual(told(one), [`instance-created ${a}`, `instance-deleted ${a}`]);
  assert.deepEqual(told(two), [`instance-created ${b}`, `instance-deleted ${b}`]);
  for (const heard of [one, two, all]) heard.close();
  assert.deepEqual(told(all), [`instance-created ${a}`, `instance-created ${b}`, `instance-deleted ${a}`, `instance-deleted ${b}`]);
});

test("work on images is told in the project that asked for it, also where the images are the default project's", async () => {
  const fingerprint = (await daemon.must("POST", "/1.0/images", { source: { type: "instance", name: await empty() } })).metadata.fingerprint as string;
  const heard = await listen(daemon, "?type=operation&project=one");
  await daemon.must("DELETE", `/1.0/images/${fingerprint}?project=one`);
  await eventually(() => heard.events.some(({ metadata }) => metadata.description === "Deleting image" && metadata.status === "Success"), { what: "the end was told" });
  heard.close();
});

async function empty(): Promise<string> {
  await daemon.must("POST", "/1.0/instances", { name, source: { type: "none" } });
  return name;
}
