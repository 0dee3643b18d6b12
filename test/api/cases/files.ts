// Cases of the endpoints of instances' files.
import assert from "node:assert/strict";
import type { instanceEndpoints } from "../../../server/api/instances.ts";
import type { Case, World } from "./case.ts";

const url = (path: string) => `/1.0/instances/off/files?path=${encodeURIComponent(path)}`;
const put = ({ daemon }: World, path: string) => daemon.must("POST", url(path), "text\n", { headers: { "x-lxd-mode": "0640", "x-lxd-uid": "7" } });
const noPath = { path: "/1.0/instances/off/files", status: 400, error: "Missing path argument" };

export const fileCases = {
  getInstanceFile: {
    prepare: (world) => put(world, "/read"),
    good: { path: url("/read") },
    check: (text) => assert.equal(text, "text\n"),
    bad: { path: url("/nope"), status: 404, error: "Not Found" },
  },
  getInstanceFileHead: {
    prepare: (world) => put(world, "/looked-at"),
    good: { path: url("/looked-at") },
    check: async (text, { daemon }) => {
      assert.equal(text, "");
      const { status, headers } = await daemon.request("HEAD", url("/looked-at"));
      assert.deepEqual([status, headers["x-lxd-mode"], headers["x-lxd-uid"], headers["x-lxd-type"], headers["content-length"]], [200, "0640", "7", "file", "5"]);
      const missing = await daemon.request("HEAD", url("/nope"));
      assert.deepEqual([missing.status, missing.headers["berth-error-code"], missing.text], [404, "file_not_found", ""]);
    },
    bad: "refuses nothing", // an answer to HEAD has no body to tell the error
  },
  writeInstanceFile: {
    good: { path: url("/written"), body: "one" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", url("/written"))).text, "one"),
    bad: noPath,
  },
  deleteInstanceFile: {
    prepare: (world) => put(world, "/doomed"),
    good: { path: url("/doomed") },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", url("/doomed"))).status, 404),
    bad: noPath,
  },
} satisfies Partial<Record<keyof typeof instanceEndpoints, Case>>;
