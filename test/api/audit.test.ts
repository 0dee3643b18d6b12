// The log: each change has one line that says who did what with what result, lines bear the ids of what they are a part of, and
// no secret is ever among them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { booted, importImage, launch } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";
import { listen, upgrade } from "./sockets.ts";

type Line = Readonly<Record<string, string | number>>;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon({ args: ["--debug"] });
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, "runs");
  await booted(daemon, "runs");
});
after(() => daemon?.[Symbol.asyncDispose]());

const lines = (): Line[] => daemon.log().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
const audits = (endpoint: string) => lines().filter(({ message, endpoint: of }) => message === "audit" && of === endpoint);

/** The line of the only change through an endpoint that was made since `count` were there. */
async function newAudit(endpoint: string, work: () => Promise<unknown>): Promise<Line> {
  const before = audits(endpoint).length;
  await work();
  return eventually(() => audits(endpoint)[before], { what: `a line of ${endpoint}` });
}

test("a change is told in one line: who, what, from where, with what result", async () => {
  const line = await newAudit("createProfile", () => daemon.request("POST", "/1.0/profiles?project=default", { name: "p" }));
  const { time, ms, request, ...rest } = line;
  assert.deepEqual(rest, {
    level: "info", message: "audit", endpoint: "createProfile", target: "/1.0/profiles", project: "default", result: "success",
    username: "root", protocol: "unix", address: "@",
  });
  assert.ok(Date.parse(String(time)) > 0 && Number(ms) >= 0 && String(request).length > 0);
  assert.equal(lines().filter((one) => one["request"] === request && one["message"] === "audit").length, 1);
});

test("what is refused is told, too, with the error's code", async () => {
  const line = await newAudit("createProfile", () => daemon.request("POST", "/1.0/profiles", { name: "p" }));
  assert.equal(line["result"], "profile_exists");
  const unreadable = await newAudit("patchServerConfig", () => daemon.request("PATCH", "/1.0", "{"));
  assert.equal(unreadable["result"], "bad_body");
});

test("an operation is told of when it has ended, and its lines bear its id", async () => {
  const reply = await daemon.request("POST", "/1.0/instances/runs/exec", { command: ["/no/such"], "wait-for-websocket": false, interactive: false });
  const { id } = reply.json.metadata;
  const line = await eventually(() => audits("execInstance").find(({ operation }) => operation === id), { what: "the line of the exec" });
  assert.deepEqual([line["result"], line["target"]], ["exec_not_found", "/1.0/instances/runs/exec"]);
  const stopped = await newAudit("changeInstanceState", () => daemon.must("PUT", "/1.0/instances/runs/state", { action: "restart", force: true }));
  assert.equal(stopped["result"], "success");
  await booted(daemon, "runs");
});

test("SFTP sessions are told of like changes; reading is not", async () => {
  await newAudit("openInstanceSftp", () => upgrade(daemon, "/1.0/instances/runs/sftp", "sftp"));
  await daemon.request("GET", "/1.0/instances/runs");
  assert.deepEqual(audits("getInstance"), []);
});

test("lines that a request or an operation brings about bear their ids, others do not", async () => {
  const failing = await daemon.request("PUT", "/1.0/instances/nope/state", { action: "start" });
  assert.equal(failing.status, 404);
  for (const line of lines().filter(({ message }) => message === "audit")) assert.ok(line["request"], JSON.stringify(line));
  await daemon.request("POST", "/1.0/instances/runs/exec", { command: ["poweroff"], "wait-for-websocket": false, interactive: false });
  await eventually(async () => (await daemon.must("GET", "/1.0/instances/runs")).status === "Stopped", { what: "the guest has ended" });
  assert.ok(lines().some(({ message, request }) => message === "berthd serves" && request === undefined));
});

test("followers of the log get the lines with their context, as text", async () => {
  const events = await listen(daemon, "?type=logging");
  await daemon.request("POST", "/1.0/profiles", { name: "followed" });
  const found = await eventually(() => events.events.find(({ metadata }) => metadata.message === "audit" && metadata.context.endpoint === "createProfile"), { what: "the line as an event" });
  assert.equal(found.metadata.level, "info");
  for (const value of Object.values(found.metadata.context)) assert.equal(typeof value, "string");
  events.close();
});

test("no secret is in the log, whatever the level", async () => {
  const secret = "Geheim-4711";
  await daemon.must("PUT", "/1.0/instances/runs/state", { action: "start" }).catch(() => {});
  await booted(daemon, "runs");
  await daemon.request("PATCH", "/1.0", { config: { "core.trust_password": secret } });
  await daemon.request("PATCH", "/1.0", { config: { "core.trust_password": secret, "core.shutdown_timeout": secret } });
  await daemon.request("POST", "/1.0/certificates", { type: "client", password: secret, certificate: secret });
  await daemon.request("GET", `/1.0/operations/0/websocket?secret=${secret}`);
  await daemon.request("GET", `/1.0/images/aaaaaaaaaaaa/export?secret=${secret}`);
  const exec = (command: string[]) => daemon.must("POST", "/1.0/instances/runs/exec", { command, environment: { TOKEN: secret }, "wait-for-websocket": false, interactive: false });
  await exec(["true"]);
  await exec(["/no/such"]).catch(() => {});
  await daemon.must("PATCH", "/1.0/instances/runs", { config: { "environment.TOKEN": secret, "user.token": secret } });
  await daemon.request("POST", "/1.0/instances/runs/files?path=/tmp/t", secret);
  const waiting = await daemon.request("POST", "/1.0/instances/runs/exec", { command: ["true"], "wait-for-websocket": true, interactive: true });
  const { fds } = waiting.json.metadata.metadata;
  assert.ok(audits("writeInstanceFile").length > 0);
  const log = daemon.log();
  assert.ok(!log.includes(secret), log.split("\n").find((line) => line.includes(secret)));
  for (const one of Object.values(fds)) assert.ok(!log.includes(String(one)));
});
