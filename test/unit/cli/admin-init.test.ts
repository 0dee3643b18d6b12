import assert from "node:assert/strict";
import { test } from "node:test";
import type { Current } from "../../../cli/commands/admin/apply.ts";
import { applyPreseed } from "../../../cli/commands/admin/apply.ts";
import { noWishes as wishes, planSetup } from "../../../cli/commands/admin/plan.ts";
import { parsePreseed } from "../../../cli/commands/admin/preseed.ts";
import { askWishes, checkSubnet } from "../../../cli/commands/admin/questions.ts";
import type { Server } from "../../../cli/remotes/server.ts";
import { readYaml } from "../../../cli/output/yaml.ts";

const parse = async (text: string) => parsePreseed(await readYaml(text));
const defaultProfile = { name: "default", description: "Default profile", config: {}, devices: {}, used_by: [] };
const nothing: Current = { config: {}, networks: [], pools: [], profiles: [defaultProfile], projects: [] };

/** A server that does what it is asked: only what `admin init` asks for. */
function fakeServer(current: Current): { server: Server; calls: string[] } {
  const calls: string[] = [];
  const record = (name: string, apply: (arg: never) => void) => async (arg: never) => {
    calls.push(name);
    apply(arg);
  };
  const client = {
    createStoragePool: record("createStoragePool", ({ body }: { body: object }) => current.pools.push({ ...body, used_by: [], status: "Created", locations: [] } as never)),
    createNetwork: record("createNetwork", ({ body }: { body: { config: object } }) => current.networks.push({ ...body, config: { "ipv4.address": "10.1.1.1/24", ...body.config }, managed: true } as never)),
    replaceProfile: record("replaceProfile", ({ name, body }: { name: string; body: object }) => Object.assign(current.profiles.find((it) => it.name === name) ?? {}, body)),
    patchServerConfig: record("patchServerConfig", ({ body }: { body: { config: object } }) => Object.assign(current.config, body.config)),
  };
  return { server: { client } as unknown as Server, calls };
}

test("reads lxd's preseed, values as they are written", async () => {
  const preseed = await parse(`
config: {core.https_address: ""}
networks:
- {name: berthbr0, type: bridge, config: {ipv4.nat: true, ipv4.address: auto}, project: default}
- {name: other, project: foo}
storage_pools: [{name: default, driver: dir}]
profiles:
- name: default
  devices: {root: {type: disk, path: /, pool: default}}
projects: [{name: default, config: {features.images: "true"}}, {name: foo}]
cluster: null
`);
  assert.deepEqual(preseed, {
    config: { "core.https_address": "" },
    networks: [{ name: "berthbr0", type: "bridge", description: "", config: { "ipv4.nat": "true", "ipv4.address": "auto" } }],
    storage_pools: [{ name: "default", driver: "dir", description: "", config: {} }],
    profiles: [{ name: "default", description: "", config: {}, devices: { root: { type: "disk", path: "/", pool: "default" } } }],
    projects: [{ name: "default", description: "", config: { "features.images": "true" } }, { name: "foo", description: "", config: {} }],
    ignored: ["network other of project foo"],
  });
});

test("refuses a preseed it does not understand", async () => {
  await assert.rejects(parse("network: []"), /unknown key "network" in the preseed/);
  await assert.rejects(parse("networks: [{name: a, bogus: 1}]"), /unknown key "bogus" in networks/);
  await assert.rejects(parse("networks: {name: a}"), /networks is not a list/);
  await assert.rejects(parse("profiles: [{description: x}]"), /one of the profiles has no name/);
  await assert.rejects(parse("cluster: {enabled: true}"), /Berth has no clusters/);
  await assert.rejects(parse("just text"), /not a set of keys and values/);
});

test("sets an empty server up, and the second time changes nothing", async () => {
  const current = structuredClone(nothing);
  const { server, calls } = fakeServer(current);
  assert.deepEqual(await applyPreseed(server, planSetup(wishes, current), current), ["Storage pool default created", "Network berthbr0 created", "Profile default updated"]);
  assert.deepEqual(current.profiles[0]?.devices, {
    root: { type: "disk", path: "/", pool: "default" }, eth0: { type: "nic", name: "eth0", network: "berthbr0" },
  });
  assert.deepEqual(await applyPreseed(server, planSetup(wishes, current), current), []);
  assert.deepEqual(await applyPreseed(server, planSetup({ ...wishes, ipv4: "auto" }, current), current), []);
  assert.deepEqual(calls, ["createStoragePool", "createNetwork", "replaceProfile"]);
});

test("keeps the pool and the network that the default profile has", () => {
  const devices = { root: { type: "disk", path: "/", pool: "mine" }, eth0: { type: "nic", nictype: "macvlan", parent: "enp1" } };
  const current: Current = { ...nothing, pools: [{ name: "mine", driver: "dir" } as never], profiles: [{ ...defaultProfile, devices }] };
  const plan = planSetup(wishes, current);
  assert.deepEqual([plan.storage_pools, plan.networks, plan.profiles[0]?.devices], [[], [], {}]);
});

test("makes the pool and opens the address that are asked for", async () => {
  const plan = planSetup({ ...wishes, backend: "btrfs", size: "5", listen: "[::]:8443", password: "secret" }, nothing);
  assert.deepEqual(plan.storage_pools, [{ name: "default", driver: "btrfs", description: "", config: { size: "5GiB" } }]);
  assert.deepEqual(plan.config, { "core.https_address": "[::]:8443", "core.trust_password": "secret" });
  const present: Current = { ...nothing, pools: [{ name: "default", driver: "dir", config: {}, description: "" } as never] };
  assert.deepEqual(planSetup({ ...wishes, backend: "dir" }, present).storage_pools, []);
  const { server } = fakeServer(present);
  await assert.rejects(applyPreseed(server, planSetup({ ...wishes, backend: "btrfs" }, present), present), /is of type "dir" instead of "btrfs"/);
});

test("does not turn a pool into one of another driver", async () => {
  const current: Current = { ...nothing, pools: [{ name: "default", driver: "zfs", config: {}, description: "" } as never] };
  const { server } = fakeServer(current);
  await assert.rejects(applyPreseed(server, await parse("storage_pools: [{name: default, driver: dir}]"), current), /is of type "zfs" instead of "dir"/);
});

test("asks only for what it was not told", async () => {
  const asked: string[] = [];
  const prompt = { ask: async (question: string, preset: string) => {
      asked.push(question);
      return preset;
    },
  };
  assert.deepEqual(await askWishes(prompt, { ...wishes, pool: "p", ipv6: "none" }), { ...wishes, pool: "p", network: "berthbr0", ipv4: "auto", ipv6: "none" });
  assert.equal(asked.length, 2);
});

test("checks subnets", () => {
  for (const good of ["auto", "none", "10.1.2.1/24"]) assert.equal(checkSubnet(good, 4), undefined);
  for (const bad of ["10.1.2.1", "10.1.2.1/33", "fd42::1/64", "x/24", "10.1.2.1/"]) assert.ok(checkSubnet(bad, 4), bad);
  assert.equal(checkSubnet("fd42::1/64", 6), undefined);
});
