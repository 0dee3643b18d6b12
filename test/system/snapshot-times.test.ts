// Snapshots that are taken and deleted by themselves: by schedule, at starts, and when they have expired.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, create, importImage, launch } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `times${process.pid}`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
});
after(() => daemon?.[Symbol.asyncDispose]());

interface Snapshot {
  name: string;
  expires_at: string;
  created_at: string;
}
const snapshotsOf = async (name: string): Promise<Snapshot[]> => (await daemon.must("GET", `/1.0/instances/${name}?recursion=1`)).snapshots ?? [];
const namesOf = async (name: string) => (await snapshotsOf(name)).map((snapshot) => snapshot.name);

/** One test for all, as it waits for the clock: what is due in the next minute, and what expires before it. */
test("the minute takes what is due and deletes what has expired", async () => {
  const every = "* * * * *";
  const [runs, stopped, asleep, never, expiring] = ["runs", "stopped", "asleep", "never", "expiring"].map((name) => `${prefix}-${name}`) as [string, string, string, string, string];
  await launch(daemon, runs, { config: { "snapshots.schedule": every, "snapshots.pattern": "auto-%d", "snapshots.expiry": "1d" } });
  await create(daemon, stopped, { config: { "snapshots.schedule": `0 0 1 1 *, ${every}`, "snapshots.schedule.stopped": "true", "snapshots.pattern": "at-{{ creation_date|date:'2006-01-02' }}" } });
  await create(daemon, asleep, { config: { "snapshots.schedule": every } });
  await launch(daemon, never, { config: { "snapshots.schedule": "@never" } });
  await create(daemon, expiring);
  const soon = new Date(Date.now() + 500).toISOString();
  for (const [name, expires_at] of [["gone", soon], ["kept", null], ["later", "2100-01-01T00:00:00Z"]]) await daemon.must("POST", `/1.0/instances/${expiring}/snapshots`, { name, expires_at });

  await eventually(async () => (await namesOf(runs)).length > 0 && (await namesOf(stopped)).length > 0 && (await namesOf(expiring)).length === 2, {
    timeout: 75_000, every: 250, what: "the next minute's work is done",
  });
  const [taken] = await snapshotsOf(runs);
  assert.equal(taken?.name, "auto-0");
  assert.ok(Math.abs(new Date(taken?.expires_at ?? 0).getTime() - new Date(taken?.created_at ?? 0).getTime() - 86_400_000) < 2000, JSON.stringify(taken));
  assert.match((await namesOf(stopped))[0] ?? "", /^at-\d{4}-\d\d-\d\d$/);
  assert.deepEqual([await namesOf(asleep), await namesOf(never)], [[], []]);
  assert.deepEqual(await namesOf(expiring), ["kept", "later"]);
});

test("@startup takes one before each start, and not when the guest reboots", async () => {
  const name = `${prefix}-start`;
  await create(daemon, name, { config: { "snapshots.schedule": "@startup, @yearly", "snapshots.expiry": "1w" } });
  await act(daemon, name, "start");
  assert.deepEqual(await namesOf(name), ["snap0"]);
  const pid = async () => (await daemon.must("GET", `/1.0/instances/${name}/state`)).pid as number;
  const before = await pid();
  await daemon.lxc("exec", name, "--", "reboot", "-f");
  await eventually(async () => ![0, before].includes(await pid()), { what: "it runs again" });
  assert.deepEqual(await namesOf(name), ["snap0"]);
  await act(daemon, name, "restart", { force: true });
  assert.deepEqual(await namesOf(name), ["snap0", "snap1"]);
});

test("a start whose snapshot cannot be taken does not take place", async () => {
  const name = `${prefix}-bad`;
  await create(daemon, name, { config: { "snapshots.schedule": "@startup", "snapshots.pattern": "a/b" } });
  const refused = await act(daemon, name, "start").catch((error: Error) => error.message);
  assert.match(String(refused), /Invalid snapshot name "a\/b"/);
  await daemon.must("PATCH", `/1.0/instances/${name}`, { config: { "snapshots.pattern": "" } });
  await act(daemon, name, "start");
});

test("a schedule that is none is refused", async () => {
  const reply = await daemon.request("POST", "/1.0/instances", { name: `${prefix}-x`, source: { type: "none" }, config: { "snapshots.schedule": "@fortnightly" } });
  assert.deepEqual([reply.status, reply.json.error], [
    400, 'Invalid value for "snapshots.schedule": "@fortnightly": "@fortnightly" is none of @hourly, @daily, @midnight, @weekly, @monthly, @annually, @yearly, @startup, @never',
  ]);
});
