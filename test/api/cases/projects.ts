// Cases of the endpoints of projects.
import assert from "node:assert/strict";
import type { projectEndpoints } from "../../../server/api/projects.ts";
import type { Case, World } from "./case.ts";

const missing = { status: 404, error: "Project not found" };
const project = (name: string) => ({ daemon }: World) => daemon.must("POST", "/1.0/projects", { name, config: { "user.a": "1" }, description: "old" });
const usual = { "features.images": "true", "features.profiles": "true", "features.storage.volumes": "true" };

export const projectCases = {
  listProjects: { good: { path: "/1.0/projects" }, check: (list) => assert.ok(list.includes("/1.0/projects/default"), list), bad: "refuses nothing" },
  createProject: {
    good: { path: "/1.0/projects", body: { name: "made" } },
    location: "/1.0/projects/made",
    bad: { path: "/1.0/projects", body: { name: "a_b" }, status: 400, error: "Project names may not contain underscores" },
  },
  getProject: {
    good: { path: "/1.0/projects/default" },
    check: ({ name, used_by, config }) => {
      assert.deepEqual([name, config["features.images"]], ["default", "true"]);
      assert.ok(used_by.includes("/1.0/profiles/default"), used_by);
    },
    bad: { path: "/1.0/projects/nope", ...missing },
  },
  replaceProject: {
    prepare: project("put"),
    good: { path: "/1.0/projects/put", body: { config: { ...usual, "limits.containers": "3" } } },
    check: async (_, { daemon }) => {
      const { config, description } = await daemon.must("GET", "/1.0/projects/put");
      assert.deepEqual([config, description], [{ ...usual, "limits.containers": "3" }, ""]);
    },
    bad: { path: "/1.0/projects/default", body: { config: {} }, status: 400, error: "You can't change the features of the default project" },
  },
  patchProject: {
    prepare: project("patch"),
    good: { path: "/1.0/projects/patch", body: { config: { "user.b": "2" } } },
    check: async (_, { daemon }) => {
      const { config, description } = await daemon.must("GET", "/1.0/projects/patch");
      assert.deepEqual([config, description], [{ ...usual, "user.a": "1", "user.b": "2" }, "old"]);
    },
    bad: { path: "/1.0/projects/default", body: { config: { "limit.cpu": "1" } }, status: 400, error: 'Unknown configuration key: limit.cpu (did you mean "limits.cpu"?)' },
  },
  renameProject: {
    prepare: project("old"),
    good: { path: "/1.0/projects/old", body: { name: "new" } },
    check: async ({ description }, { daemon }) => {
      assert.equal(description, "Renaming project");
      assert.deepEqual((await daemon.must("GET", "/1.0/projects/new")).used_by, ["/1.0/profiles/default?project=new"]);
      assert.equal((await daemon.request("GET", "/1.0/projects/old")).status, 404);
    },
    bad: { path: "/1.0/projects/default", body: { name: "other" }, status: 403, error: "The 'default' project cannot be renamed" },
  },
  deleteProject: {
    prepare: project("gone"),
    good: { path: "/1.0/projects/gone" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", "/1.0/projects/gone")).status, 404),
    bad: { path: "/1.0/projects/default", status: 403, error: "The 'default' project cannot be deleted" },
  },
  getProjectState: {
    good: { path: "/1.0/projects/default/state" },
    check: ({ resources }) => {
      assert.deepEqual(Object.keys(resources).sort(), ["containers", "cpu", "disk", "instances", "memory", "networks", "processes", "virtual-machines"]);
      assert.deepEqual([resources.networks, resources["virtual-machines"]], [{ Limit: -1, Usage: 1 }, { Limit: -1, Usage: 0 }]);
      assert.ok(resources.instances.Usage >= 2, JSON.stringify(resources.instances));
    },
    bad: { path: "/1.0/projects/nope/state", ...missing },
  },
} satisfies Record<keyof typeof projectEndpoints, Case>;
