// Cases of the endpoints of profiles and storage pools.
import assert from "node:assert/strict";
import type { profileEndpoints } from "../../../server/api/profiles.ts";
import type { storageEndpoints } from "../../../server/api/storage.ts";
import type { Case, World } from "./case.ts";

const missing = { status: 404, error: "Profile not found" };
const noPool = { status: 404, error: "Storage pool not found" };
const profile = (name: string) => ({ daemon }: World) => daemon.must("POST", "/1.0/profiles", { name, config: { "user.a": "1" }, description: "old" });
const pool = (name: string) => ({ daemon }: World) => daemon.must("POST", "/1.0/storage-pools", { name, driver: "dir" });

export const profileCases = {
  listProfiles: {
    good: { path: "/1.0/profiles" },
    check: (list) => assert.ok(list.includes("/1.0/profiles/default"), list),
    bad: { path: "/1.0/profiles?project=nope", status: 404, error: "Project not found" },
  },
  createProfile: {
    good: { path: "/1.0/profiles", body: { name: "made" } },
    location: "/1.0/profiles/made",
    bad: { path: "/1.0/profiles", body: { name: "default" }, status: 409, error: 'Profile "default" already exists' },
  },
  getProfile: {
    good: { path: "/1.0/profiles/default" },
    check: (shown) => {
      assert.deepEqual(Object.keys(shown).sort(), ["config", "description", "devices", "name", "used_by"]);
      assert.deepEqual(Object.keys(shown.devices).sort(), ["eth0", "root"]);
      assert.ok(shown.used_by.includes("/1.0/instances/runs"), shown.used_by);
    },
    bad: { path: "/1.0/profiles/nope", ...missing },
  },
  replaceProfile: {
    prepare: profile("put"),
    good: { path: "/1.0/profiles/put", body: { devices: { eth9: { type: "none" } } } },
    check: async (_, { daemon }) => {
      const { config, devices, description } = await daemon.must("GET", "/1.0/profiles/put");
      assert.deepEqual([config, devices, description], [{}, { eth9: { type: "none" } }, ""]);
    },
    bad: { path: "/1.0/profiles/default", body: { devices: {} }, status: 400, error: "At least one instance relies on this profile's root disk device" },
  },
  patchProfile: {
    prepare: profile("patch"),
    good: { path: "/1.0/profiles/patch", body: { config: { "user.b": "2" } } },
    check: async (_, { daemon }) => {
      const { config, description } = await daemon.must("GET", "/1.0/profiles/patch");
      assert.deepEqual([config, description], [{ "user.a": "1", "user.b": "2" }, "old"]);
    },
    bad: { path: "/1.0/profiles/default", body: { devices: { x: { path: "y" } } }, status: 400, error: 'Device validation failed for "x": missing device type' },
  },
  renameProfile: {
    prepare: profile("old"),
    good: { path: "/1.0/profiles/old", body: { name: "new" } },
    location: "/1.0/profiles/new",
    bad: { path: "/1.0/profiles/default", body: { name: "other" }, status: 403, error: 'The "default" profile cannot be renamed' },
  },
  deleteProfile: {
    prepare: profile("gone"),
    good: { path: "/1.0/profiles/gone" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", "/1.0/profiles/gone")).status, 404),
    bad: { path: "/1.0/profiles/default", status: 403, error: 'The "default" profile cannot be deleted' },
  },
} satisfies Record<keyof typeof profileEndpoints, Case>;

const volumeUrl = "/1.0/storage-pools/default/volumes/container/pooled";

export const storageCases = {
  listStoragePools: {
    good: { path: "/1.0/storage-pools" },
    check: (list) => assert.ok(list.includes("/1.0/storage-pools/default"), list),
    bad: "refuses nothing",
  },
  createStoragePool: {
    good: { path: "/1.0/storage-pools", body: { name: "made", driver: "dir" } },
    location: "/1.0/storage-pools/made",
    bad: { path: "/1.0/storage-pools", body: { name: "x", driver: "ceph" }, status: 400, error: 'Storage driver "ceph" is not supported; use "dir" or "btrfs"' },
  },
  getStoragePool: {
    good: { path: "/1.0/storage-pools/default" },
    check: (shown, { daemon }) => {
      assert.deepEqual(Object.keys(shown).sort(), ["config", "description", "driver", "locations", "name", "status", "used_by"]);
      assert.deepEqual([shown.driver, shown.status, shown.locations], ["dir", "Created", ["none"]]);
      assert.equal(shown.config.source, `${daemon.dir}/storage-pools/default`);
    },
    bad: { path: "/1.0/storage-pools/nope", ...noPool },
  },
  replaceStoragePool: {
    prepare: pool("put"),
    good: { path: "/1.0/storage-pools/put", body: { config: { "user.a": "1" }, description: "d" } },
    check: async (_, { daemon }) => {
      const { config, description } = await daemon.must("GET", "/1.0/storage-pools/put");
      assert.deepEqual([config["user.a"], description], ["1", "d"]);
    },
    bad: { path: "/1.0/storage-pools/nope", body: {}, ...noPool },
  },
  patchStoragePool: {
    prepare: pool("patch"),
    good: { path: "/1.0/storage-pools/patch", body: { config: { "user.b": "2" } } },
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", "/1.0/storage-pools/patch")).config["user.b"], "2"),
    bad: { path: "/1.0/storage-pools/default", body: { config: { sauce: "x" } }, status: 400, error: 'Unknown configuration key: sauce (did you mean "source"?)' },
  },
  deleteStoragePool: {
    prepare: pool("gone"),
    good: { path: "/1.0/storage-pools/gone" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", "/1.0/storage-pools/gone")).status, 404),
    bad: { path: "/1.0/storage-pools/default", status: 400, error: "The storage pool is currently in use" },
  },
  listStorageVolumes: {
    prepare: async ({ daemon, makeInstance }) => {
      await makeInstance("pooled");
      await daemon.must("POST", "/1.0/instances/pooled/snapshots", { name: "s0" });
    },
    good: { path: "/1.0/storage-pools/default/volumes" },
    check: (list) => assert.deepEqual(list.filter((url: string) => url.includes("/pooled")), [volumeUrl, `${volumeUrl}/snapshots/s0`]),
    bad: { path: "/1.0/storage-pools/nope/volumes", ...noPool },
  },
  listStorageVolumesOfType: {
    good: { path: "/1.0/storage-pools/default/volumes/container?recursion=1" },
    check: async (list, { daemon }) => {
      assert.deepEqual(list.find(({ name }: { name: string }) => name === "off").used_by, ["/1.0/instances/off"]);
      assert.deepEqual(await daemon.must("GET", "/1.0/storage-pools/default/volumes/custom"), []);
    },
    bad: { path: "/1.0/storage-pools/default/volumes/wat", status: 400, error: 'Invalid storage volume type "wat"' },
  },
  getStorageVolume: {
    good: { path: "/1.0/storage-pools/default/volumes/container/off" },
    check: ({ created_at, ...volume }) => assert.deepEqual(volume, {
      name: "off", type: "container", content_type: "filesystem", description: "", config: {}, used_by: ["/1.0/instances/off"], location: "none", project: "default",
    }),
    bad: { path: "/1.0/storage-pools/default/volumes/container/nope", status: 404, error: "Storage pool volume not found" },
  },
  getStoragePoolResources: {
    good: { path: "/1.0/storage-pools/default/resources" },
    check: ({ space, inodes }) => assert.ok(space.total > space.used && space.used > 0 && inodes.total > 0, JSON.stringify(space)),
    bad: { path: "/1.0/storage-pools/nope/resources", ...noPool },
  },
} satisfies Record<keyof typeof storageEndpoints, Case>;
