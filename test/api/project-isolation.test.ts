// Nothing of one project is seen or used in another, by any endpoint that takes names; and users of the machine see their own
// project only.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildPath, type Endpoint } from "../../server/api/endpoint.ts";
import { endpoints, type OperationId } from "../../server/api/index.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { uploadOf } from "../helpers/instances.ts";
import { assertError, assertSync } from "./envelopes.ts";
import { upgrade } from "./sockets.ts";

const uid = 12_345;
const gid = 54_321;
const root = { root: { type: "disk", path: "/", pool: "default" } };
let daemon: Daemon;
let fingerprint = "";

before(async () => {
  daemon = await startDaemon({ args: ["--user-group", String(gid)] });
  for (const project of ["a", "b"]) {
    await daemon.must("POST", "/1.0/projects", { name: project });
    await daemon.must("PATCH", `/1.0/profiles/default?project=${project}`, { devices: root });
  }
  const { body, headers } = uploadOf((await busyboxImages()).unified);
  fingerprint = (await daemon.must("POST", "/1.0/images?project=a", body, { headers })).metadata.fingerprint;
  await daemon.must("POST", "/1.0/images/aliases?project=a", { name: "things", target: fingerprint });
  await daemon.must("POST", "/1.0/profiles?project=a", { name: "thing" });
  await daemon.must("POST", "/1.0/instances?project=a", { name: "thing", profiles: ["default", "thing"], source: { type: "none" } });
  await daemon.must("POST", "/1.0/instances/thing/snapshots?project=a", { name: "snap" });
});
after(() => daemon?.[Symbol.asyncDispose]());

/** What the path of each kind of endpoint says of things in project a. */
const kinds: readonly [RegExp, () => Record<string, string>][] = [
  [/^\/1\.0\/instances\/:name/, () => ({ name: "thing", snapshot: "snap", file: "lxc.log", backup: "backup0" })],
  [/^\/1\.0\/images\/aliases\//, () => ({ name: "things" })],
  [/^\/1\.0\/images\/:fingerprint/, () => ({ fingerprint })],
  [/^\/1\.0\/profiles\/:name/, () => ({ name: "thing" })],
];

/** Bodies of requests whose schema wants more than `{}`. */
const bodies: Readonly<Partial<Record<OperationId, unknown>>> = {
  changeInstanceState: { action: "start" }, execInstance: { command: ["true"] }, rebuildInstance: { source: { type: "none" } },
  pushImage: { target: "https://127.0.0.1:1", secret: "x", certificate: "x" }, renameSnapshot: { name: "other" }, renameBackup: { name: "other" }, renameProfile: { name: "other" }, renameAlias: { name: "other" }, writeInstanceFile: "bytes",
};

const named = (Object.entries(endpoints) as [OperationId, Endpoint][]).flatMap(([id, endpoint]) => {
  const params = kinds.find(([path]) => path.test(endpoint.path))?.[1];
  return params ? [{ id, endpoint, params }] : [];
});
const query = (id: OperationId) => (/File|Template/.test(id) ? "&path=/etc/hostname" : "");

for (const { id, endpoint, params } of named) {
  test(`${id} finds nothing of project a in project b`, async () => {
    const path = `${buildPath(endpoint.path, params())}?project=b${query(id)}`;
    if (endpoint.kind === "stream") return assert.match(await upgrade(daemon, path, "sftp"), /^HTTP\/1\.1 404 /);
    const reply = await daemon.request(endpoint.method, path, bodies[id] ?? (endpoint.body ? {} : undefined));
    assert.equal(reply.status, 404, `${endpoint.method} ${path}: ${reply.status} ${reply.text}`);
  });
}

const namesIn = async (path: string): Promise<string[]> => assertSync(await daemon.request("GET", path));

test("lists show what is in their project, with the project in its URL", async () => {
  const own = { instances: "/1.0/instances/thing?project=a", images: `/1.0/images/${fingerprint}?project=a`, "images/aliases": "/1.0/images/aliases/things?project=a", profiles: "/1.0/profiles/thing?project=a" };
  for (const [what, url] of Object.entries(own)) {
    assert.ok((await namesIn(`/1.0/${what}?project=a`)).includes(url), what);
    for (const other of ["?project=b", ""]) assert.ok(!(await namesIn(`/1.0/${what}${other}`)).some((one) => one.startsWith(url.split("?")[0] as string)), `${what}${other}`);
  }
  assert.deepEqual(await namesIn("/1.0/instances?all-projects=true"), [own.instances]);
});

test("nothing is made in a project of what another has", async () => {
  const make = (body: object) => daemon.request("POST", "/1.0/instances?project=b", { name: "new", ...body });
  assertError(await make({ source: { type: "image", alias: "things" } }), 404, "Image alias not found");
  assertError(await make({ source: { type: "image", fingerprint } }), 404, "Image not found");
  assertError(await make({ source: { type: "none" }, profiles: ["default", "thing"] }), 404, 'Requested profile "thing" doesn\'t exist');
  for (const source of ["thing", "thing/snap"]) assertError(await make({ source: { type: "copy", source } }), 404, "Instance not found");
  assertError(await daemon.request("POST", "/1.0/images/aliases?project=b", { name: "mine", target: fingerprint }), 404, "Image not found");
  // Told where from, it can be copied.
  await daemon.must("POST", "/1.0/instances?project=b", { name: "copy", profiles: ["default"], source: { type: "copy", source: "thing", project: "a" } });
  assert.deepEqual(await namesIn("/1.0/instances/copy/snapshots?project=b"), ["/1.0/instances/copy/snapshots/snap?project=b"]);
  await daemon.must("DELETE", "/1.0/instances/copy?project=b");
});

test("operations are listed by their project", async () => {
  const { id } = await daemon.must("PUT", "/1.0/instances/thing?project=a", { profiles: ["default", "thing"] });
  const has = async (more: string) => Object.values(assertSync(await daemon.request("GET", `/1.0/operations${more}`))).flat().includes(`/1.0/operations/${id}`);
  assert.deepEqual([await has("?project=a"), await has("?project=b"), await has(""), await has("?all-projects=true")], [true, false, false, true]);
});

/** A request of a user of the machine, by the socket for such. */
async function asUser(method: string, path: string, body?: unknown, headers: readonly string[] = []) {
  const args = ["-s", "-X", method, "--max-time", "20", ...headers.flatMap((header) => ["-H", header]), "--unix-socket", `${daemon.dir}/unix-user.socket`, ...(body === undefined ? [] : ["-d", JSON.stringify(body)]), `http://berth${path}`];
  const { stdout } = await exec("setpriv", [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "curl", ...args]);
  return JSON.parse(stdout) as { error: string; error_code: number; metadata: unknown };
}

test("a user of the machine gets a restricted project of its own, with a disk and a network", async () => {
  const { metadata } = await asUser("GET", "/1.0/projects");
  assert.deepEqual(metadata, [`/1.0/projects/user-${uid}`]);
  const { config } = await daemon.must("GET", `/1.0/projects/user-${uid}`);
  assert.deepEqual([config.restricted, config["restricted.networks.access"]], ["true", "berthbr0"]);
  // Its requests are about its project when they name none.
  assert.deepEqual((await asUser("POST", "/1.0/instances", { name: "mine", source: { type: "none" } })).error, "");
  assert.deepEqual((await asUser("GET", "/1.0/instances")).metadata, [`/1.0/instances/mine?project=user-${uid}`]);
  const { expanded_devices: devices } = await daemon.must("GET", `/1.0/instances/mine?project=user-${uid}`);
  assert.deepEqual(devices, { root: { type: "disk", path: "/", pool: "default" }, eth0: { type: "nic", name: "eth0", network: "berthbr0" } });
  const reaching = await asUser("PATCH", "/1.0/instances/mine", { devices: { x: { type: "disk", source: "/", path: "/mnt" } } });
  assert.match(reaching.error, /Attaching disks not backed by a pool is forbidden/);
});

test("a user of the machine sees and changes nothing of other projects, and nothing of the server", async () => {
  for (const { endpoint, params } of named.filter(({ endpoint: one }) => one.kind !== "stream" && one.method !== "HEAD")) {
    const reply = await asUser(endpoint.method, `${buildPath(endpoint.path, params())}?project=a`, endpoint.body ? {} : undefined);
    assert.deepEqual([reply.error_code, reply.error], [403, "not authorized"], `${endpoint.method} ${endpoint.path}`);
  }
  const refused: [string, string, unknown?][] = [
    ["PATCH", `/1.0/projects/user-${uid}`, { config: { restricted: "false" } }], ["DELETE", `/1.0/projects/user-${uid}`], ["POST", "/1.0/projects", { name: "x" }], ["GET", "/1.0/projects/a"],
    ["GET", "/1.0/projects/a/state"], ["GET", "/1.0/instances?project=default"], ["PATCH", "/1.0", { config: {} }], ["POST", "/1.0/storage-pools", { name: "x", driver: "dir" }],
    ["PATCH", "/1.0/networks/berthbr0", { config: {} }], ["POST", "/1.0/networks", { name: "br7" }], ["DELETE", "/1.0/networks/berthbr0"], ["PUT", "/internal/shutdown"],
    ["POST", "/1.0/instances/mine", { name: "mine", migration: true, project: "a" }], ["POST", "/1.0/instances", { name: "x", source: { type: "copy", source: "thing", project: "a" } }],
  ];
  // A query that names two projects is about the one that was asked about.
  const upgrade = ["Connection: Upgrade", "Upgrade: sftp"];
  assert.equal((await asUser("GET", "/1.0/instances/thing/sftp?project=a", undefined, upgrade)).error_code, 403);
  assert.equal((await asUser("GET", `/1.0/instances/thing/sftp?project=a&project=user-${uid}`, undefined, upgrade)).error_code, 404);
  assert.equal((await asUser("GET", `/1.0/instances/thing?project=a&project=user-${uid}`)).error_code, 404);
  for (const [method, path, body] of refused) assert.equal((await asUser(method, path, body)).error_code, 403, `${method} ${path}`);
  const network = (await asUser("GET", "/1.0/networks/berthbr0")).metadata as { used_by: string[] };
  assert.deepEqual(network.used_by, [`/1.0/instances/mine?project=user-${uid}`, `/1.0/profiles/default?project=user-${uid}`]);
  const pool = (await asUser("GET", "/1.0/storage-pools/default")).metadata as { used_by: string[] };
  assert.ok(pool.used_by.every((url) => url.endsWith(`?project=user-${uid}`)), JSON.stringify(pool.used_by));
});

test("what a project has of the default one it cannot change for a user who is confined to it", async () => {
  await daemon.must("DELETE", `/1.0/instances/mine?project=user-${uid}`);
  await daemon.must("PUT", `/1.0/projects/user-${uid}`, { config: { "features.profiles": "true", restricted: "true" } });
  const { body, headers } = uploadOf((await busyboxImages()).unified);
  const shared = (await daemon.must("POST", "/1.0/images", body, { headers })).metadata.fingerprint;
  assert.deepEqual((await asUser("GET", "/1.0/images")).metadata, [`/1.0/images/${shared}`]);
  for (const [method, given] of [["PATCH", {}], ["PUT", {}], ["DELETE", undefined]] as const) {
    assert.equal((await asUser(method, `/1.0/images/${shared}`, given)).error_code, 403, method);
  }
  assert.equal((await asUser("POST", "/1.0/images/aliases", { name: "x", target: shared })).error_code, 403);
});
