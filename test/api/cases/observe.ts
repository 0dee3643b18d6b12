// Cases of the endpoints of warnings and metrics.
import assert from "node:assert/strict";
import type { metricsEndpoints } from "../../../server/api/metrics.ts";
import type { Warning, warningEndpoints } from "../../../server/api/warnings.ts";
import { parseMetrics } from "../../helpers/open-metrics.ts";
import type { Case, World } from "./case.ts";

const noAppArmor = "AppArmor support has been disabled";
const missing = { path: "/1.0/warnings/nope", status: 404, error: "Warning not found" };

/** There is one at least: see the test's daemon. */
async function oneWarning({ daemon }: World): Promise<Warning> {
  const found = ((await daemon.must("GET", "/1.0/warnings?recursion=1")) as Warning[]).find(({ type }) => type === noAppArmor);
  assert.ok(found, "the warning of AppArmor");
  return found;
}

const urlOf = async (world: World) => `/1.0/warnings/${(await oneWarning(world)).uuid}`;

export const warningCases = {
  listWarnings: {
    good: { path: `/1.0/warnings?recursion=1&filter=${encodeURIComponent(`type eq "${noAppArmor}"`)}` },
    check: ([one, ...others]) => {
      assert.equal(others.length, 0);
      assert.deepEqual([one.status, one.severity, one.count, one.entity_url, one.project, one.location], ["new", "low", 1, "", "", "none"]);
    },
    bad: { path: "/1.0/warnings?filter=status", status: 400, error: /^Invalid filter: / },
  },
  getWarning: {
    good: async (world) => ({ path: await urlOf(world) }),
    check: ({ type }) => assert.equal(type, noAppArmor),
    bad: missing,
  },
  replaceWarning: {
    good: async (world) => ({ path: await urlOf(world), body: { status: "acknowledged" } }),
    check: async (_, world) => assert.equal((await oneWarning(world)).status, "acknowledged"),
    bad: { ...missing, body: { status: "acknowledged" } },
  },
  patchWarning: {
    good: async (world) => ({ path: await urlOf(world), body: { status: "new" } }),
    check: async (_, world) => {
      assert.equal((await oneWarning(world)).status, "new");
      const refused = await world.daemon.request("PATCH", await urlOf(world), { status: "resolved" });
      assert.deepEqual([refused.status, refused.json.error], [403, 'Status may only be set to "acknowledge" or "new"']);
    },
    bad: { ...missing, body: { status: "new" } },
  },
  deleteWarning: {
    good: async (world) => ({ path: await urlOf(world) }),
    check: async (_, world) => assert.rejects(oneWarning(world)),
    bad: missing,
  },
} satisfies Record<keyof typeof warningEndpoints, Case>;

export const metricsCases = {
  getMetrics: {
    good: { path: "/1.0/metrics" },
    check: (text) => {
      const metrics = parseMetrics(text);
      assert.ok(metrics.value("lxd_procs_total", { name: "runs", project: "default", type: "container" }) >= 1);
      assert.ok(metrics.value("berth_instances", { status: "stopped" }) >= 1);
      assert.ok(!metrics.samples.some(({ labels }) => labels["name"] === "off"), "what does not run has no numbers");
    },
    bad: { path: "/1.0/metrics?project=nope", status: 404, error: "Project not found" },
  },
} satisfies Record<keyof typeof metricsEndpoints, Case>;
