// Snapshots and bulk changes by `berth` and by the stock `lxc`: each does what the other does, and both see the same.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import type { Result } from "../helpers/exec.ts";
import { importBusybox } from "../helpers/guests.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(() => daemon.deleteInstances());

type Client = "berth" | "lxc";
const clients: readonly Client[] = ["berth", "lxc"];
const sentence = (text: string) => /^Error: [^\n]*/m.exec(text)?.[0];

/** Runs a command, which must succeed. */
async function ok(client: Client, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon[client](...args);
  assert.equal(code, 0, `${client} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Both refuse a command with the same sentence and status, which is given back. */
async function bothRefuse(...args: string[]): Promise<string> {
  const [lxc, berth]: Result[] = [await daemon.lxc(...args), await daemon.berth(...args)];
  assert.deepEqual([sentence(berth?.stderr ?? ""), berth?.code], [sentence(lxc?.stderr ?? ""), lxc?.code], args.join(" "));
  assert.notEqual(lxc?.code, 0, args.join(" "));
  return sentence(lxc?.stderr ?? "") ?? "";
}

/** Both print the same; Go leaves out the zeros at the end of a second's fraction. */
async function bothSay(...args: string[]): Promise<string> {
  const known = (text: string) => text.replace(/(T\d\d:\d\d:\d\d)(\.\d*[1-9])?\.?0*Z/g, "$1$2Z").replace(/\b(Bytes|Packets) (received|sent): .*/g, "$1");
  const [lxc, berth] = [await ok("lxc", ...args), await ok("berth", ...args)];
  assert.equal(known(berth), known(lxc), args.join(" "));
  return berth;
}

const snapshotsOf = async (name: string): Promise<string[]> => (await daemon.must("GET", `/1.0/instances/${name}/snapshots`)).map((url: string) => url.split("/").at(-1));

for (const client of clients) {
  test(`${client} takes, shows, renames, restores and deletes snapshots`, async () => {
    await daemon.run("init", "busybox", "s1", "-c", "user.state=first", "-c", "snapshots.expiry=1d");
    await ok(client, "snapshot", "s1");
    await ok(client, "snapshot", "s1", "named");
    await ok(client, "snapshot", "s1/slashed", "--no-expiry");
    assert.deepEqual(await snapshotsOf("s1"), ["snap0", "named", "slashed"]);
    const expiry = async (name: string) => (await daemon.must("GET", `/1.0/instances/s1/snapshots/${name}`)).expires_at;
    assert.equal(await expiry("slashed"), "0001-01-01T00:00:00Z");
    assert.ok(new Date(await expiry("named")).getTime() > Date.now());

    await bothSay("list", "-c", "nS", "-f", "csv");
    await bothSay("info", "s1");
    assert.match(await bothSay("config", "show", "s1/named"), /^ {2}user\.state: first$/m);
    await bothSay("config", "show", "s1/named", "--expanded");

    await ok("berth", "config", "set", "s1", "user.state=second");
    await ok(client, "snapshot", "s1", "named", "--reuse");
    assert.match(await ok(client, "config", "show", "s1/named"), /user\.state: second/);
    await ok(client, "restore", "s1", "snap0");
    assert.equal((await ok(client, "config", "get", "s1", "user.state")).trim(), "first");
    await ok(client, "restore", "s1", "s1/named");
    assert.equal((await ok(client, "config", "get", "s1", "user.state")).trim(), "second");

    await ok(client, "rename", "s1/named", "s1/renamed");
    await ok(client, "move", "s1/renamed", "s1/moved");
    await ok(client, "delete", "s1/slashed");
    assert.deepEqual(await snapshotsOf("s1"), ["snap0", "moved"]);
    await ok(client, "rename", "s1", "s2");
    await ok(client, "mv", "s2", "s3");
    assert.deepEqual(await snapshotsOf("s3"), ["snap0", "moved"]);
    await ok(client, "delete", "s3");
  });

  test(`${client} changes when a snapshot expires`, async () => {
    await daemon.run("init", "busybox", "s1");
    await daemon.run("snapshot", "s1", "s0");
    const { code, stderr } = await daemon[`${client}With`]({ input: "expires_at: 2100-01-02T03:04:05Z\n" }, "config", "edit", "s1/s0");
    assert.equal(code, 0, stderr);
    assert.match((await daemon.must("GET", "/1.0/instances/s1/snapshots/s0")).expires_at, /^2100-01-02T03:04:05/);
    assert.match(await bothSay("info", "s1"), /\| s0 .*2100\/01\/02 03:04/);
  });

  test(`${client} changes the state of all, and tells of the one that fails`, async () => {
    for (const name of ["b1", "b2", "b3"]) await daemon.run("init", "busybox", name);
    const states = async () => (await daemon.must("GET", "/1.0/instances?recursion=1")).map(({ status }: { status: string }) => status);
    await ok(client, "start", "--all");
    assert.deepEqual(await states(), ["Running", "Running", "Running"]);
    await ok(client, "pause", "--all");
    assert.deepEqual(await states(), ["Frozen", "Frozen", "Frozen"]);
    await ok(client, "start", "b1", "b2", "b3");
    await ok(client, "restart", "--all", "--force");
    await ok(client, "stop", "--all", "--timeout", "0");
    assert.deepEqual(await states(), ["Stopped", "Stopped", "Stopped"]);

    await daemon.run("config", "set", "b2", "security.protection.start=true");
    const all = await daemon[client]("start", "--all");
    assert.equal(all.code, 1);
    assert.match(all.stderr, /^Error: local: .*b2: Instance has startup protection enabled/);
    assert.deepEqual(await states(), ["Running", "Stopped", "Running"]);
    await ok(client, "stop", "--all", "-f");
    const several = await daemon[client]("start", "b1", "b2", "b3");
    assert.equal(several.code, 1);
    assert.match(several.stderr, /^b2: error: Instance has startup protection enabled$/m);
    assert.match(several.stderr, /^Error: Some instances failed to start$/m);
    assert.deepEqual(await states(), ["Running", "Stopped", "Running"]);
  });
}

test("both refuse the same, in the same words and with the same status", async () => {
  await daemon.run("init", "busybox", "s1");
  await daemon.run("snapshot", "s1", "s0");
  for (const args of [
    ["snapshot", "nobody"], ["snapshot", "s1", "s0"], ["snapshot", "s1/x", "y"], ["snapshot", "s1", "a b"], ["restore", "s1", "nothing"], ["restore", "nobody", "s0"],
    ["delete", "s1/nothing"], ["delete", "nobody/s0"], ["rename", "s1/s0", "s2/s0"], ["rename", "s1/s0", "s1"], ["rename", "s1/nothing", "s1/x"], ["config", "show", "s1/nothing"],
    ["start", "--all", "s1"], ["stop", "--stateful", "s1"], ["snapshot", "s1", "x", "--stateful"], ["move", "s1", "s2", "-c", "a=b"], ["copy", "s1/s0", "x", "--instance-only"],
    ["copy", "s1/s0", "x", "--refresh"], ["copy", "s1", "x", "--refresh", "--no-profiles"], ["copy", "s1", "x", "-c", "a"], ["copy", "s1", "x", "-d", "a"], ["copy", "nobody", "x"],
    ["copy", "s1", "x", "--target", "y"],
  ]) await bothRefuse(...args);
  assert.deepEqual(await snapshotsOf("s1"), ["s0"]);
});
