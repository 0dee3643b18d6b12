// Cases of the endpoints of instances' metadata and templates.
import assert from "node:assert/strict";
import type { metadataEndpoints } from "../../../server/api/instance-metadata.ts";
import type { Case, World } from "./case.ts";

const url = "/1.0/instances/off/metadata";
const templateUrl = (name: string) => `${url}/templates?path=${encodeURIComponent(name)}`;
const write = ({ daemon }: World, name: string) => daemon.must("POST", templateUrl(name), "Hello {{ instance.name }}\n");
const metadata = {
  architecture: "x86_64", creation_date: 1477146654, expiry_date: 0, properties: { os: "none" },
  templates: { "/etc/motd": { when: ["start"], create_only: false, template: "motd.tpl", properties: { a: "1" } } },
};
const noPath = { path: `${url}/templates`, status: 400, error: "missing path argument" };

export const metadataCases = {
  getInstanceMetadata: {
    good: { path: "/1.0/instances/runs/metadata" },
    check: ({ templates, properties }) => assert.ok(Object.keys(templates).length > 0 && properties.os, "as its image has it"),
    bad: { path: "/1.0/instances/nope/metadata", status: 404, error: "Instance not found" },
  },
  replaceInstanceMetadata: {
    prepare: async ({ daemon }) => {
      const empty = { architecture: "", creation_date: 0, expiry_date: 0, properties: null, templates: null };
      assert.deepEqual(await daemon.must("GET", url), empty, "it has no image");
    },
    good: { path: url, body: metadata },
    check: async (_, { daemon }) => assert.deepEqual(await daemon.must("GET", url), metadata),
    bad: {
      path: url, body: { templates: { "/etc/motd": { when: ["create"], template: "../motd.tpl" } } }, status: 400,
      error: 'Invalid metadata: metadata.yaml: "templates./etc/motd.template" is not the name of a file in templates/',
    },
  },
  patchInstanceMetadata: {
    prepare: ({ daemon }) => daemon.must("PUT", url, metadata),
    good: { path: url, body: { expiry_date: 7, properties: { release: "1" } } },
    check: async (_, { daemon }) =>
      assert.deepEqual(await daemon.must("GET", url), { ...metadata, expiry_date: 7, properties: { os: "none", release: "1" } }),
    bad: { path: url, body: {}, headers: { "if-match": "older" }, status: 412, error: /^ETag doesn't match/ },
  },
  getInstanceTemplate: {
    prepare: (world) => write(world, "motd.tpl"),
    good: { path: templateUrl("motd.tpl") },
    check: async (text, { daemon }) => {
      assert.equal(text, "Hello {{ instance.name }}\n");
      assert.deepEqual(await daemon.must("GET", `${url}/templates`), ["motd.tpl"]);
    },
    bad: { path: templateUrl("nope"), status: 404, error: 'Template "nope" not found' },
  },
  writeInstanceTemplate: {
    prepare: async ({ daemon }) => {
      for (const name of ["../metadata.yaml", ".", "..", "a/b", "x\0y", "x".repeat(256)]) {
        assert.equal((await daemon.request("POST", templateUrl(name), "text")).json.error, "Invalid template filename", name);
      }
      assert.equal((await daemon.request("POST", `${url}/templates`, "text")).json.error, "missing path argument");
    },
    good: { path: templateUrl("written.tpl"), body: "text" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", templateUrl("written.tpl"))).text, "text"),
    bad: noPath,
  },
  deleteInstanceTemplate: {
    prepare: (world) => write(world, "doomed.tpl"),
    good: { path: templateUrl("doomed.tpl") },
    check: async (_, { daemon }) => assert.equal((await daemon.request("DELETE", templateUrl("doomed.tpl"))).status, 404),
    bad: noPath,
  },
} satisfies Record<keyof typeof metadataEndpoints, Case>;
