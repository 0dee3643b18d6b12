// What a restricted project refuses: one row for each thing, tried by every way that could bring it in.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { importImage } from "../helpers/instances.ts";
import { assertEmpty, assertError, assertFails, assertSucceeds, assertSync } from "./envelopes.ts";

interface Row {
  config?: Record<string, string>;
  devices?: Record<string, Record<string, string>>;
  /** What LXD says of it, after what it says of where it stands. */
  error: RegExp;
  /** The project's configuration that lets it be. */
  allowedBy: Record<string, string>;
}

const device = (options: Record<string, string>) => ({ devices: { x: options } });
const rows: Readonly<Record<string, Row>> = {
  "a privileged container": { config: { "security.privileged": "true" }, error: /"true" for config "security\.privileged" .*Privileged containers are forbidden/, allowedBy: { "restricted.containers.privilege": "allow" } },
  nesting: { config: { "security.nesting": "1" }, error: /config "security\.nesting" .*Container nesting is forbidden/, allowedBy: { "restricted.containers.nesting": "allow" } },
  ...Object.fromEntries([
    ["raw.lxc", "lxc.environment = A=1"], ["raw.seccomp", "2\ndenylist"], ["raw.apparmor", "capability,"], ["raw.idmap", "both 1000 1000"], ["linux.kernel_modules", "loop"],
    ["boot.host_shutdown_timeout", "1"], ["security.devlxd.images", "true"], ["security.idmap.base", "1000000"], ["security.idmap.size", "65536"],
  ].map(([key = "", value = ""]): [string, Row] => [key, {
    config: { [key]: value }, error: new RegExp(`Use of low-level (config )?"${key.replaceAll(".", "\\.")}" .*is forbidden`), allowedBy: { "restricted.containers.lowlevel": "allow" },
  }])),
  "a folder of the host's": { ...device({ type: "disk", source: "/etc", path: "/mnt" }), error: /device "x" .*Attaching disks not backed by a pool is forbidden/, allowedBy: { "restricted.devices.disk": "allow" } },
  "a nic on an interface of the host's": {
    ...device({ type: "nic", nictype: "bridged", parent: "berthbr0" }), error: /device "x" .*Only managed network devices are allowed/, allowedBy: { "restricted.devices.nic": "allow" },
  },
  "routes of the host's": {
    ...device({ type: "nic", network: "berthbr0", "ipv4.routes": "192.0.2.0/24" }), error: /device "x" .*Routes of the host \(ipv4\.routes\) are forbidden/, allowedBy: { "restricted.devices.nic": "allow" },
  },
  "a proxy": { ...device({ type: "proxy", listen: "tcp:127.0.0.1:9", connect: "tcp:127.0.0.1:9" }), error: /device "x" .*Proxy devices are forbidden/, allowedBy: { "restricted.devices.proxy": "allow" } },
  "a character device": { ...device({ type: "unix-char", source: "/dev/null", path: "/dev/x" }), error: /Unix character devices are forbidden/, allowedBy: { "restricted.devices.unix-char": "allow" } },
  "a block device": { ...device({ type: "unix-block", source: "/dev/loop0", path: "/dev/x", required: "false" }), error: /Unix block devices are forbidden/, allowedBy: { "restricted.devices.unix-block": "allow" } },
  "a hotplug device": { ...device({ type: "unix-hotplug", vendorid: "1234" }), error: /Unix hotplug devices are forbidden/, allowedBy: { "restricted.devices.unix-hotplug": "allow" } },
  "a USB device": { ...device({ type: "usb", vendorid: "1234" }), error: /USB devices are forbidden/, allowedBy: { "restricted.devices.usb": "allow" } },
  "a GPU": { ...device({ type: "gpu" }), error: /GPU devices are forbidden/, allowedBy: { "restricted.devices.gpu": "allow" } },
};

const root = { root: { type: "disk", path: "/", pool: "default" } };
const features = { "features.images": "false", "features.profiles": "true", "features.storage.volumes": "true" };
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await daemon.must("POST", "/1.0/projects", { name: "free" });
  await daemon.must("POST", "/1.0/projects", { name: "tight", config: { ...features, restricted: "true" } });
  for (const project of ["free", "tight"]) {
    await daemon.must("PATCH", `/1.0/profiles/default?project=${project}`, { devices: root });
    await make(project, "plain");
  }
});
after(() => daemon?.[Symbol.asyncDispose]());

const post = (project: string, body: object) => daemon.request("POST", `/1.0/instances?project=${project}`, { source: { type: "none" }, ...body });
const make = async (project: string, name: string, body: object = {}) => assertSucceeds(daemon, await post(project, { name, ...body }));
const hintOf = (headers: Readonly<Record<string, unknown>>) => decodeURIComponent(String(headers["berth-error-hint"]));
const namesIn = async (project: string, what = "instances"): Promise<string[]> => assertSync(await daemon.request("GET", `/1.0/${what}?project=${project}`));

for (const [what, { config = {}, devices = {}, error, allowedBy }] of Object.entries(rows)) {
  test(`a restricted project refuses ${what}, whichever way it comes`, async () => {
    const given = { config, devices };
    const all = { ...given, devices: { ...root, ...devices } };
    const about = (subject: string) => new RegExp(`${subject} of project "tight"`);
    const refused = async (reply: Awaited<ReturnType<typeof post>>, subject: RegExp) => {
      assertError(reply, 403, error);
      assert.match(reply.json.error, subject);
      assert.ok(hintOf(reply.headers).includes(Object.keys(allowedBy)[0] ?? "?"), hintOf(reply.headers));
    };
    // By itself, or in a profile.
    await refused(await post("tight", { name: "new", ...given }), about('container "new"'));
    await refused(await daemon.request("PATCH", "/1.0/instances/plain?project=tight", given), about('container "plain"'));
    const put = await daemon.request("PUT", "/1.0/instances/plain?project=tight", { ...given, profiles: ["default"] });
    await assertFails(daemon, put, error);
    await refused(await daemon.request("POST", "/1.0/profiles?project=tight", { name: "bad", ...given }), about('profile "bad"'));
    await refused(await daemon.request("PATCH", "/1.0/profiles/default?project=tight", given), about('profile "default"'));
    await refused(await daemon.request("PUT", "/1.0/profiles/default?project=tight", all), about('profile "default"'));
    // From a project where it may be.
    await make("free", "guest", given);
    await refused(await post("tight", { name: "copy", source: { type: "copy", source: "guest", project: "free" } }), about('container "copy"'));
    await refused(await daemon.request("POST", "/1.0/instances/guest?project=free", { name: "guest", migration: true, project: "tight" }), about('container "guest"'));
    // By restricting the project it is in.
    const restrict = await daemon.request("PATCH", "/1.0/projects/free", { config: { restricted: "true" } });
    assertError(restrict, 400, error);
    assert.match(restrict.json.error, /^Conflict detected when changing "restricted\..*" in project "free": /);
    await daemon.must("DELETE", "/1.0/instances/guest?project=free");
    // In a snapshot that was taken when it was allowed.
    await daemon.must("POST", "/1.0/projects", { name: "later" });
    await make("later", "c", all);
    await daemon.must("POST", "/1.0/instances/c/snapshots?project=later", { name: "s" });
    await daemon.must("PUT", "/1.0/instances/c?project=later", { config: {}, devices: root, profiles: [] });
    await daemon.must("PATCH", "/1.0/projects/later", { config: { restricted: "true" } });
    await assertFails(daemon, await daemon.request("PUT", "/1.0/instances/c?project=later", { restore: "s" }), error);
    await daemon.must("DELETE", "/1.0/instances/c?project=later");
    await daemon.must("DELETE", "/1.0/projects/later");
    // Nothing of it is there.
    assert.deepEqual(await namesIn("tight"), ["/1.0/instances/plain?project=tight"]);
    assert.deepEqual(await namesIn("tight", "profiles"), ["/1.0/profiles/default?project=tight"]);
    const { expanded_config: held, expanded_devices: plugged } = await daemon.must("GET", "/1.0/instances/plain?project=tight");
    assert.deepEqual([Object.keys(config).some((key) => held[key] !== undefined), plugged], [false, root]);
    // What the error's hint names lets it be.
    await daemon.must("PATCH", "/1.0/projects/tight", { config: allowedBy });
    await make("tight", "new", given);
    await daemon.must("DELETE", "/1.0/instances/new?project=tight");
    await daemon.must("PUT", "/1.0/projects/tight", { config: { ...features, restricted: "true" } });
  });
}

const set = (config: Record<string, string>) => daemon.must("PUT", "/1.0/projects/tight", { config: { ...features, restricted: "true", ...config } });
const add = (name: string, options: Record<string, string>) => post("tight", { name, devices: { x: options } });

test("a project without profiles of its own cannot be restricted", async () => {
  const create = (config: Record<string, string>) => daemon.request("POST", "/1.0/projects", { name: "p", config });
  assertError(await create({ restricted: "true", "features.profiles": "false" }), 400, "Projects without their own profiles cannot be restricted");
});

test("isolated containers only, also of those that do not say what they are", async () => {
  await daemon.must("DELETE", "/1.0/instances/plain?project=tight");
  await set({ "restricted.containers.privilege": "isolated" });
  assertError(await post("tight", { name: "plain" }), 403, /"security\.idmap\.isolated" on container "plain" .*Non-isolated containers are forbidden/);
  await make("tight", "plain", { config: { "security.idmap.isolated": "true" } });
  assertEmpty(await daemon.request("PATCH", "/1.0/profiles/default?project=tight", { config: { "user.a": "1" } }));
});

test("ids of the host's can be mapped within the ranges of the project", async () => {
  await set({ "restricted.idmap.uid": "1000-1001,1003", "restricted.idmap.gid": "1000" });
  const map = (text: string) => post("tight", { name: "mapped", config: { "raw.idmap": text } });
  assertError(await map("uid 1000 1000\nuid 1001-1002 1001-1002"), 403, /low-level "raw\.idmap" element 1 on container "mapped"/);
  assertError(await map("both 1001 1001"), 403, /element 0/);
  await assertSucceeds(daemon, await map("uid 1000-1001 1000-1001\ngid 1000 1000\nuid 1003 5"));
  await daemon.must("DELETE", "/1.0/instances/mapped?project=tight");
});

test("networks are used and seen as the project says", async () => {
  await daemon.must("POST", "/1.0/networks", { name: "br8", config: { "ipv4.address": "none", "ipv6.address": "none" } });
  await set({ "restricted.networks.access": "br8" });
  assertError(await add("n", { type: "nic", network: "berthbr0" }), 403, /device "x" .*Network not allowed in project$/);
  assert.deepEqual(await namesIn("tight", "networks"), ["/1.0/networks/br8"]);
  assertError(await daemon.request("GET", "/1.0/networks/berthbr0?project=tight"), 404, "Network not found");
  await assertSucceeds(daemon, await add("n", { type: "nic", network: "br8" }));
  await daemon.must("DELETE", "/1.0/instances/n?project=tight");
  await set({ "restricted.devices.nic": "block" });
  assertError(await add("n", { type: "nic", network: "br8" }), 403, /Network devices are forbidden$/);
  assert.deepEqual(await namesIn("tight", "networks"), []);
});

test("disks come from the folders of the project only, and no link leads out of them", async () => {
  const { unified } = await busyboxImages();
  await importImage(daemon, unified, "busybox");
  const home = `${daemon.dir}/../home`;
  mkdirSync(`${home}/inside`, { recursive: true });
  writeFileSync(`${home}/inside/file`, "mine\n");
  symlinkSync("/etc", `${home}/escape`);
  symlinkSync("inside", `${home}/link`);
  const path = (name: string) => (name === "" ? home : `${home}/${name}`);
  await set({ "restricted.devices.disk": "allow", "restricted.devices.disk.paths": `/nope,${home}` });
  const disk = (source: string, more = {}) => ({ type: "disk", source, path: "/mnt", ...more });
  for (const source of ["/etc", `${home}x`, `${home}/../etc`, "/"]) assertError(await add("d", disk(source)), 403, /device "x" .*Disk source path ".*" not allowed/);
  assertError(await add("d", disk(path("inside"), { shift: "true" })), 403, /"shift" property cannot be used with a restricted source path/);
  const launch = async (source: string) => {
    await assertSucceeds(daemon, await post("tight", { name: "d", source: { type: "image", alias: "busybox" }, devices: { x: disk(source) } }));
    return daemon.request("PUT", "/1.0/instances/d/state?project=tight", { action: "start" });
  };
  await assertFails(daemon, await launch(path("escape")), /Failed to start device "x": Source path ".*" resolves outside of restricted parent source path/);
  await daemon.must("DELETE", "/1.0/instances/d?project=tight");
  await assertSucceeds(daemon, await launch(path("link")));
  const file = await daemon.request("GET", "/1.0/instances/d/files?project=tight&path=/mnt/file");
  assert.equal(file.text, "mine\n");
  await assertSucceeds(daemon, await daemon.request("PUT", "/1.0/instances/d/state?project=tight", { action: "stop", force: true }));
  await daemon.must("DELETE", "/1.0/instances/d?project=tight");
  await set({ "restricted.devices.disk": "block" });
  assertError(await add("d", { type: "disk", source: "tmpfs:", path: "/mnt" }), 403, /Disk devices are forbidden$/);
});

test("snapshots are made where the project allows them", async () => {
  await set({});
  const snapshot = () => daemon.request("POST", "/1.0/instances/plain/snapshots?project=tight", { name: "s" });
  assertError(await snapshot(), 403, 'Project "tight" doesn\'t allow for snapshot creation');
  await set({ "restricted.snapshots": "allow" });
  await assertSucceeds(daemon, await snapshot());
});
