// Every endpoint of the contract against a real daemon: a request that succeeds, one that is refused, to the byte.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Endpoint } from "../../server/api/endpoint.ts";
import { endpoints, type OperationId } from "../../server/api/index.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { busyboxImages, fingerprintOf } from "../helpers/images.ts";
import type { Reply } from "../helpers/socket.ts";
import type { Call, Case, World } from "./cases/case.ts";
import { backupCases } from "./cases/backups.ts";
import { certificateCases } from "./cases/certificates.ts";
import { identityCases } from "./cases/identities.ts";
import { imageCases } from "./cases/images.ts";
import { instanceCases } from "./cases/instances.ts";
import { networkCases } from "./cases/networks.ts";
import { metadataCases } from "./cases/instance-metadata.ts";
import { metricsCases, warningCases } from "./cases/observe.ts";
import { profileCases, storageCases } from "./cases/profiles.ts";
import { projectCases } from "./cases/projects.ts";
import { snapshotCases } from "./cases/snapshots.ts";
import { eventCases, operationCases, serverCases } from "./cases/server.ts";
import { assertCreated, assertEmpty, assertError, assertSucceeds, assertSync } from "./envelopes.ts";
import { eventually } from "../helpers/wait.ts";
import { type Heard, listen, openSocket, refusedUpgrade, upgrade } from "./sockets.ts";

/** An endpoint without a case does not compile. */
const cases = {
  ...serverCases, ...certificateCases, ...identityCases, ...eventCases, ...operationCases, ...instanceCases, ...snapshotCases, ...metadataCases, ...backupCases, ...imageCases, ...networkCases, ...profileCases, ...projectCases,
  ...storageCases, ...warningCases, ...metricsCases,
} satisfies Record<OperationId, Case>;

/** So that there is something to warn of on every machine. */
async function hideAppArmor({ namespace }: Daemon): Promise<void> {
  if (existsSync("/sys/module/apparmor")) await execOk(...namespace.wrap("mount", ["-t", "tmpfs", "none", "/sys/module/apparmor"]));
}

let daemon: Daemon;
let world: World;
let heard: Heard;

before(async () => {
  daemon = await startDaemon({ prepare: hideAppArmor });
  const { unified } = await busyboxImages();
  await daemon.run("image", "import", ...unified, "--alias", "busybox");
  const makeInstance = async (name: string, running = false) => {
    const source = running ? { type: "image", alias: "busybox" } : { type: "none" };
    await daemon.must("POST", "/1.0/instances", { name, source });
    if (running) await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" });
  };
  heard = await listen(daemon, "?type=lifecycle&all-projects=true");
  world = { daemon, fingerprint: fingerprintOf(unified), makeInstance };
  await makeInstance("off");
  await makeInstance("runs", true);
});
after(() => {
  heard?.close();
  return daemon?.[Symbol.asyncDispose]();
});

/** Its case changes nothing yet: it makes a token. */
const silent: readonly string[] = ["createCertificate"];

/** Whether listeners are to hear of what a case did. */
const tells = (id: string, { method, kind }: Endpoint, one: Case) =>
  !["GET", "HEAD"].includes(method) && kind !== "websocket" && typeof one.good !== "string" && !silent.includes(id);

const send = (method: string, { path, body, headers }: Call) => daemon.request(method, path, body, { headers, timeout: 30_000 });

async function succeeds(endpoint: Endpoint, one: Case): Promise<void> {
  if (typeof one.good === "string") return;
  await one.prepare?.(world);
  const call = typeof one.good === "function" ? await one.good(world) : one.good;
  if (endpoint.kind === "websocket") return void (await openSocket(daemon, call.path)).close();
  if (endpoint.kind === "stream") return assert.match(await upgrade(daemon, call.path, "sftp"), /^HTTP\/1\.1 101 /);
  const reply = await send(endpoint.method, call);
  await one.check?.(await resultOf(endpoint, one, reply), world);
}

async function resultOf(endpoint: Endpoint, one: Case, reply: Reply): Promise<unknown> {
  if (endpoint.kind === "operation") return assertSucceeds(daemon, reply);
  if (endpoint.kind === "raw") {
    assert.equal(reply.status, 200, reply.text.slice(0, 200));
    return reply.text;
  }
  if (endpoint.status === 201) return assertCreated(reply, one.location ?? "the case tells no location");
  if (endpoint.etag) assert.match(String(reply.headers["etag"]), /^"[0-9a-f]{64}"$/);
  return endpoint.response ? assertSync(reply) : assertEmpty(reply);
}

async function refuses(endpoint: Endpoint, bad: Exclude<Case["bad"], string>): Promise<void> {
  const reply = endpoint.kind === "websocket" ? await refusedUpgrade(daemon, bad.path) : await send(endpoint.method, bad);
  assertError(reply, bad.status, bad.error);
}

for (const [id, endpoint] of Object.entries(endpoints) as [OperationId, Endpoint][]) {
  const one: Case = cases[id];
  test(`${id} (${endpoint.method} ${endpoint.path}) does what it says`, async () => {
    const before = heard.events.length;
    await succeeds(endpoint, one);
    if (tells(id, endpoint, one)) await eventually(() => heard.events.slice(before).some(({ metadata }) => metadata.requestor), { what: "a lifecycle event tells of the change and who made it" });
    if (typeof one.bad !== "string") await refuses(endpoint, one.bad);
  });
}
