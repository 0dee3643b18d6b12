// Cases of the endpoints of the trust store.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { certificateEndpoints } from "../../../server/api/certificates.ts";
import { makeIdentity } from "../../helpers/network.ts";
import type { Case, World } from "./case.ts";

const one = makeIdentity("one");
const other = makeIdentity("other");
const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
const url = `/1.0/certificates/${fingerprintOf(one.cert)}`;
const trust = ({ daemon }: World) => daemon.request("POST", "/1.0/certificates", { name: "one", type: "client", certificate: one.base64 });
const body = { name: "one", type: "client", restricted: true, projects: ["default"], role: "viewer" };
const missing = { status: 404, error: "Certificate not found" };

export const certificateCases = {
  createCertificate: {
    good: { path: "/1.0/certificates", body: { name: "one", type: "client", certificate: one.base64 } },
    location: url,
    bad: { path: "/1.0/certificates", body: { type: "client", certificate: one.base64 }, status: 409, error: "Certificate already in trust store" },
  },
  listCertificates: {
    prepare: trust,
    good: { path: "/1.0/certificates?recursion=1" },
    check: (list) => assert.deepEqual(list, [{ name: "one", type: "client", restricted: false, projects: [], certificate: one.cert, fingerprint: fingerprintOf(one.cert), role: "admin" }]),
    bad: "refuses nothing",
  },
  getCertificate: {
    prepare: trust,
    good: { path: url.slice(0, 30) },
    check: ({ fingerprint }) => assert.equal(fingerprint, fingerprintOf(one.cert)),
    bad: { path: "/1.0/certificates/00ff", ...missing },
  },
  replaceCertificate: {
    prepare: trust,
    good: { path: url, body },
    check: async (_, { daemon }) => {
      const { name, restricted, projects, role } = await daemon.must("GET", url);
      assert.deepEqual([name, restricted, projects, role], ["one", true, ["default"], "viewer"]);
    },
    bad: { path: url, body: { ...body, type: "server" }, status: 400, error: 'Unknown certificate type "server": expected client or metrics' },
  },
  patchCertificate: {
    prepare: trust,
    good: { path: url, body: { certificate: other.cert } },
    check: async (_, { daemon }) => {
      assert.equal((await daemon.must("GET", `/1.0/certificates/${fingerprintOf(other.cert)}`)).name, "one");
      await daemon.must("PATCH", `/1.0/certificates/${fingerprintOf(other.cert)}`, { certificate: one.cert });
    },
    bad: { path: url, body: { projects: ["nope"] }, status: 404, error: "Project not found" },
  },
  deleteCertificate: {
    prepare: trust,
    good: { path: url },
    check: async (_, { daemon }) => assert.deepEqual(await daemon.must("GET", "/1.0/certificates"), []),
    bad: { path: url, ...missing },
  },
} satisfies Record<keyof typeof certificateEndpoints, Case>;
