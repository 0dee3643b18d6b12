// Cases of the endpoints of backups.
import assert from "node:assert/strict";
import type { backupEndpoints } from "../../../server/api/backups.ts";
import type { Case, World } from "./case.ts";

const urlOf = (instance: string, backup?: string) => `/1.0/instances/${instance}/backups${backup === undefined ? "" : `/${backup}`}`;
const missing = { path: urlOf("off", "nope"), status: 404, error: "Load backup from database: Instance backup not found" };

const backedUp = (name: string) => async (world: World) => {
  await world.makeInstance(name);
  await world.daemon.must("POST", urlOf(name), { name: "b0", compression_algorithm: "none" });
};

export const backupCases = {
  listBackups: {
    prepare: backedUp("kept"),
    good: { path: urlOf("kept") },
    check: (list) => assert.deepEqual(list, [urlOf("kept", "b0")]),
    bad: { path: urlOf("nope"), status: 404, error: "Instance not found" },
  },
  createBackup: {
    prepare: (world) => world.makeInstance("backed-up"),
    good: { path: urlOf("backed-up"), body: { name: "", expires_at: "2100-01-02T03:04:05Z", optimized_storage: true, instance_only: true } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources.backups], ["Backing up instance", ["/1.0/backups/backup0"]]);
      const [shown] = (await daemon.must("GET", "/1.0/instances/backed-up?recursion=1")).backups;
      assert.deepEqual([shown.name, shown.expires_at, shown.instance_only, shown.optimized_storage], ["backup0", "2100-01-02T03:04:05.000Z", true, false]);
    },
    bad: { path: urlOf("off"), body: { compression_algorithm: "sh -c" }, status: 400, error: /Invalid value for "compression_algorithm": "sh -c": expected one of none, gzip/ },
  },
  getBackup: {
    prepare: backedUp("shown-backup"),
    good: { path: urlOf("shown-backup", "b0") },
    check: (shown) => assert.deepEqual([Object.keys(shown).length, shown.name, shown.expires_at], [6, "b0", "0001-01-01T00:00:00Z"]),
    bad: missing,
  },
  renameBackup: {
    prepare: backedUp("renamed-backup"),
    good: { path: urlOf("renamed-backup", "b0"), body: { name: "b1" } },
    check: async (operation, { daemon }) => {
      assert.equal(operation.description, "Renaming instance backup");
      assert.deepEqual(await daemon.must("GET", urlOf("renamed-backup")), [urlOf("renamed-backup", "b1")]);
    },
    bad: { ...missing, body: { name: "b1" } },
  },
  deleteBackup: {
    prepare: backedUp("unbacked"),
    good: { path: urlOf("unbacked", "b0") },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Removing instance backup", { container: ["/1.0/container/unbacked"] }]);
      assert.deepEqual(await daemon.must("GET", urlOf("unbacked")), []);
    },
    bad: missing,
  },
  exportBackup: {
    prepare: backedUp("exported"),
    good: { path: `${urlOf("exported", "b0")}/export` },
    check: (text) => assert.match(text, /^backup\/(PaxHeaders\/)?index\.yaml/),
    bad: { ...missing, path: `${urlOf("off", "nope")}/export` },
  },
} satisfies Record<keyof typeof backupEndpoints, Case>;
