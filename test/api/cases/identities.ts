// Cases of the endpoints of identities.
import assert from "node:assert/strict";
import type { identityEndpoints } from "../../../server/api/identities.ts";
import type { Case, World } from "./case.ts";

const all = "/1.0/auth/identities/bearer";
const url = `${all}/ci`;
const make = ({ daemon }: World) => daemon.request("POST", all, { name: "ci", type: "Client token bearer", groups: [], projects: ["default"], role: "viewer" });
const missing = { status: 404, error: "Identity not found" };
const noGroups = { status: 400, error: "Berth has no groups: an identity has projects and a role" };

export const identityCases = {
  getCurrentIdentity: {
    good: { path: "/1.0/auth/identities/current" },
    check: ({ authentication_method, id, fine_grained }) => assert.deepEqual([authentication_method, id, fine_grained], ["unix", "root", false]),
    bad: "refuses nothing",
  },
  listBearers: {
    prepare: make,
    good: { path: `${all}?recursion=1` },
    check: ([{ id, ...one }]) => {
      assert.match(id, /^[\da-f-]{36}$/);
      assert.deepEqual(one, {
        authentication_method: "bearer", type: "Client token bearer", name: "ci", groups: [], tls_certificate: "", restricted: true, projects: ["default"], role: "viewer",
      });
    },
    bad: "refuses nothing",
  },
  createBearer: {
    good: { path: all, body: { name: "made", type: "bearer", groups: null } },
    location: `${all}/made`,
    check: async (_, { daemon }) => daemon.must("DELETE", `${all}/made`),
    bad: { path: all, body: { name: "ci", groups: ["ops"] }, ...noGroups },
  },
  getBearer: {
    prepare: make,
    good: { path: url },
    check: async ({ id }, { daemon }) => assert.equal((await daemon.must("GET", `${all}/${id}`)).name, "ci"),
    bad: { path: `${all}/nope`, ...missing },
  },
  replaceBearer: {
    prepare: make,
    good: { path: url, body: { groups: [], tls_certificate: "", projects: [], role: "operator" } },
    check: async (_, { daemon }) => {
      const { restricted, projects, role } = await daemon.must("GET", url);
      assert.deepEqual([restricted, projects, role], [true, [], "operator"]);
    },
    bad: { path: url, body: { groups: ["ops"] }, ...noGroups },
  },
  patchBearer: {
    prepare: make,
    good: { path: url, body: { restricted: false } },
    check: async (_, { daemon }) => {
      const { restricted, role } = await daemon.must("GET", url);
      assert.deepEqual([restricted, role], [false, "admin"]);
    },
    bad: { path: url, body: { projects: ["nope"] }, status: 404, error: "Project not found" },
  },
  issueBearerToken: {
    prepare: make,
    good: { path: `${url}/token`, body: { expiry: "1d 3H" } },
    check: async ({ token }, { daemon }) => {
      const { sub, exp, server_cert_fingerprint } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
      const { id, expires_at } = await daemon.must("GET", url);
      assert.deepEqual([sub, exp], [id, Math.floor(Date.parse(expires_at) / 1000)]);
      assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 27 * 3_600_000) < 60_000, expires_at);
      assert.equal(server_cert_fingerprint, (await daemon.must("GET", "/1.0")).environment.certificate_fingerprint);
    },
    bad: { path: `${url}/token`, body: { expiry: "soon" }, status: 400, error: 'Invalid expiry "soon": expected a span such as 1d 3H' },
  },
  revokeBearerToken: {
    prepare: make,
    good: { path: `${url}/token` },
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", url)).expires_at, undefined),
    bad: { path: `${all}/nope/token`, ...missing },
  },
  deleteBearer: {
    prepare: make,
    good: { path: url },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", url)).status, 404),
    bad: { path: `${all}/nope`, ...missing },
  },
} satisfies Record<keyof typeof identityEndpoints, Case>;
