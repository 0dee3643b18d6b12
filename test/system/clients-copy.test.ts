// Copies, moves and rebuilds by `berth` and by the stock `lxc`: the same flags do the same.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox } from "../helpers/guests.ts";
import { busyboxImages } from "../helpers/images.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await daemon.run("image", "import", ...(await busyboxImages()).squashfs, "--alias", "other");
  await daemon.must("POST", "/1.0/storage-pools", { name: "second", driver: "dir" });
  await daemon.run("profile", "create", "extra");
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(() => daemon.deleteInstances());

type Client = "berth" | "lxc";

/** Runs a command, which must succeed. */
async function ok(client: Client, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon[client](...args);
  assert.equal(code, 0, `${client} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

const read = (name: string) => daemon.must("GET", `/1.0/instances/${name}?recursion=1`);
const namesIn = async (name: string) => ((await read(name)).snapshots ?? []).map((snapshot: { name: string }) => snapshot.name);

async function makeSource(): Promise<void> {
  await daemon.run("init", "busybox", "c1", "-c", "user.a=1", "-p", "default", "-d", "root,size=1GiB");
  await daemon.run("snapshot", "c1", "s0");
  await daemon.run("config", "set", "c1", "user.a=2");
}

/** What of an instance a copy with the same flags by another client has, too. */
async function essence(name: string): Promise<unknown> {
  const { config, devices, profiles, ephemeral, description, architecture, snapshots } = await read(name);
  const kept = Object.entries(config).filter(([key]) => !/^volatile\.(uuid|cloud-init\.instance-id|.*\.(hwaddr|host_name))$/.test(key));
  return { config: Object.fromEntries(kept), devices, profiles, ephemeral, description, architecture, snapshots: (snapshots ?? []).map((one: { name: string }) => one.name) };
}

for (const flags of [[], ["--instance-only"], ["-c", "user.a=3", "-c", "user.b=x=y"], ["-d", "root,size=2GiB"], ["-p", "default", "-p", "extra"], ["-e"], ["-s", "second"], ["--no-profiles", "-d", "root,size=3GiB"], ["--stateless"]]) {
  test(`copy ${flags.join(" ") || "without flags"}`, async () => {
    await makeSource();
    await ok("berth", "copy", "c1", "mine", ...flags);
    await ok("lxc", "copy", "c1", "theirs", ...flags);
    assert.deepEqual(await essence("mine"), await essence("theirs"));
  });
}

test("a copy of a snapshot, and one without a name", async () => {
  await makeSource();
  await ok("berth", "cp", "c1/s0", "mine", "-c", "user.b=1");
  await ok("lxc", "cp", "c1/s0", "theirs", "-c", "user.b=1");
  assert.deepEqual(await essence("mine"), await essence("theirs"));
  assert.equal((await read("mine")).config["user.a"], "1");
  const unnamed = await ok("berth", "copy", "c1");
  const [, name = ""] = /^Instance name is: (\S+)\n$/.exec(unnamed) ?? [];
  assert.equal((await read(name)).config["user.a"], "2", unnamed);
});

for (const client of ["berth", "lxc"] as const) {
  test(`${client} brings a copy up to date`, async () => {
    await makeSource();
    await ok(client, "copy", "c1", "c2");
    await daemon.run("snapshot", "c1", "s1");
    await daemon.run("config", "set", "c1", "user.a=new");
    await ok(client, "copy", "c1", "c2", "--refresh");
    assert.deepEqual([(await read("c2")).config["user.a"], await namesIn("c2")], ["new", ["s0", "s1"]]);
  });

  test(`${client} moves to another pool, with another name or the same`, async () => {
    await makeSource();
    await ok(client, "move", "c1", "c2", "-s", "second");
    assert.deepEqual([(await read("c2")).devices.root.pool, await namesIn("c2")], ["second", ["s0"]]);
    await ok(client, "move", "c2", "--storage", "default", "--instance-only");
    assert.deepEqual([(await read("c2")).devices.root.pool, await namesIn("c2")], ["default", []]);
  });
}

test("a rebuild begins anew with the same image, another one, or none", async () => {
  await makeSource();
  const image = async () => (await read("c1")).config["volatile.base_image"];
  const first = await image();
  await ok("berth", "start", "c1");
  await ok("berth", "exec", "c1", "--", "touch", "/root/made");
  const running = await daemon.berth("rebuild", "other", "c1");
  assert.deepEqual([running.code, running.stderr.split("\n")[0]], [1, "Error: Instance must be stopped to be rebuilt"]);
  await ok("berth", "rebuild", "c1", "--force");
  assert.equal(await image(), first);
  await ok("berth", "start", "c1");
  assert.equal((await daemon.berth("exec", "c1", "--", "test", "-e", "/root/made")).code, 1);
  await ok("berth", "rebuild", "other", "c1", "-f");
  assert.notEqual(await image(), first);
  assert.deepEqual([(await read("c1")).config["user.a"], await namesIn("c1")], ["2", ["s0"]]);
  await ok("berth", "rebuild", "c1", "--empty");
  assert.equal(await image(), undefined);
  const nothing = await daemon.berth("rebuild", "c1");
  assert.deepEqual([nothing.code, nothing.stderr], [1, "Error: You need to specify an image name or use --empty\n"]);
  for (const args of [["rebuild", "x", "c1", "--empty"], ["rebuild", "nothing", "c1"], ["rebuild", "other", "c1/s0"], ["rebuild", "other", "nobody"]]) {
    assert.equal((await daemon.berth(...args)).code, 1, args.join(" "));
  }
});

test("both refuse the same, and leave all as it was", async () => {
  await makeSource();
  await daemon.run("start", "c1");
  for (const args of [["copy", "c1", "c1"], ["copy", "nobody", "x"], ["copy", "c1/nothing", "x"], ["copy", "c1", "x", "-s", "nowhere"], ["copy", "c1", "x", "-p", "nothing"], ["copy", "c1", "x", "-c", "no.such=1"],
    ["move", "c1", "c2"], ["move", "c1", "-s", "second"], ["move", "c1", "c2", "-s", "nowhere"], ["move", "nobody", "-s", "second"]]) {
    const [lxc, berth] = [await daemon.lxc(...args), await daemon.berth(...args)];
    const sentence = (text: string) => /^Error: [^\n]*/m.exec(text)?.[0];
    assert.deepEqual([sentence(berth.stderr), berth.code], [sentence(lxc.stderr), lxc.code], args.join(" "));
    assert.notEqual(lxc.code, 0, args.join(" "));
  }
  assert.deepEqual((await daemon.must("GET", "/1.0/instances")), ["/1.0/instances/c1"]);
});
