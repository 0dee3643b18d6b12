// Cases of the endpoints of snapshots.
import assert from "node:assert/strict";
import type { snapshotEndpoints } from "../../../server/api/snapshots.ts";
import type { Case, World } from "./case.ts";

const urlOf = (instance: string, snapshot?: string) => `/1.0/instances/${instance}/snapshots${snapshot === undefined ? "" : `/${snapshot}`}`;
const resources = (name: string) => ({ instances: [`/1.0/instances/${name}`], containers: [`/1.0/containers/${name}`] });
const missing = { path: urlOf("off", "nope"), status: 404, error: "Instance snapshot not found" };

const snapped = (name: string) => async (world: World) => {
  await world.makeInstance(name);
  await world.daemon.must("POST", urlOf(name), { name: "s0" });
};

export const snapshotCases = {
  listSnapshots: {
    prepare: snapped("listed"),
    good: { path: urlOf("listed") },
    check: (list) => assert.deepEqual(list, [urlOf("listed", "s0")]),
    bad: { path: urlOf("nope"), status: 404, error: "Instance not found" },
  },
  createSnapshot: {
    prepare: (world) => world.makeInstance("snapped"),
    good: { path: urlOf("snapped"), body: { name: "s0", stateful: false, expires_at: null } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Snapshotting instance", resources("snapped")]);
      const { snapshots } = await daemon.must("GET", "/1.0/instances/snapped?recursion=1");
      assert.deepEqual([snapshots.length, snapshots[0].name, snapshots[0].expires_at], [1, "s0", "0001-01-01T00:00:00Z"]);
    },
    bad: { path: urlOf("off"), body: { name: "a/b" }, status: 400, error: 'Invalid snapshot name "a/b": it cannot contain "/"' },
  },
  getSnapshot: {
    prepare: snapped("shown"),
    good: { path: urlOf("shown", "s0") },
    check: (shown) => {
      assert.deepEqual(Object.keys(shown), [
        "name", "created_at", "expires_at", "last_used_at", "architecture", "config", "devices", "ephemeral", "expanded_config", "expanded_devices",
        "profiles", "stateful", "size",
      ]);
      assert.deepEqual([shown.name, shown.profiles, shown.stateful, shown.size], ["s0", ["default"], false, -1]);
      assert.equal(shown.expanded_devices.root.path, "/");
    },
    bad: missing,
  },
  replaceSnapshot: {
    prepare: snapped("dated"),
    good: { path: urlOf("dated", "s0"), body: { expires_at: "2100-01-02T03:04:05Z" } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Updating snapshot", resources("s0")]);
      assert.equal((await daemon.must("GET", urlOf("dated", "s0"))).expires_at, "2100-01-02T03:04:05.000Z");
    },
    bad: { ...missing, body: {} },
  },
  patchSnapshot: {
    prepare: snapped("patched-date"),
    good: { path: urlOf("patched-date", "s0"), body: { expires_at: "2100-01-02T03:04:05Z" } },
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", urlOf("patched-date", "s0"))).expires_at, "2100-01-02T03:04:05.000Z"),
    bad: { ...missing, body: {} },
  },
  renameSnapshot: {
    prepare: snapped("owner"),
    good: { path: urlOf("owner", "s0"), body: { name: "s1" } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Renaming snapshot", resources("owner")]);
      assert.deepEqual(await daemon.must("GET", urlOf("owner")), [urlOf("owner", "s1")]);
    },
    bad: { ...missing, body: { name: "s1" } },
  },
  deleteSnapshot: {
    prepare: snapped("lightened"),
    good: { path: urlOf("lightened", "s0") },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Deleting snapshot", resources("lightened/s0")]);
      assert.deepEqual(await daemon.must("GET", urlOf("lightened")), []);
    },
    bad: missing,
  },
} satisfies Record<keyof typeof snapshotEndpoints, Case>;
