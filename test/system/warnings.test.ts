// Warnings: what is the matter is noted once and counted, seen by both clients, and over when it is over.
import assert from "node:assert/strict";
import { mkdirSync, renameSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Warning } from "../../server/api/warnings.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { create, importImage } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const name = `warn-${process.pid}`;
let daemon: Daemon;
let folder: string;

before(async () => {
  daemon = await startDaemon({
    prepare: (it) => it.inNamespace("sh", "-c", "[ ! -e /sys/module/apparmor ] || mount -t tmpfs none /sys/module/apparmor"),
  });
  folder = `${daemon.dir}-source`;
  mkdirSync(folder);
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await create(daemon, name, { config: { "boot.autostart": "true" }, devices: { data: { type: "disk", source: folder, path: "/data" } } });
});
after(() => daemon?.[Symbol.asyncDispose]());

const warnings = async (): Promise<Warning[]> => daemon.must("GET", "/1.0/warnings?recursion=1");
const ofType = async (type: string) => (await warnings()).find((one) => one.type === type);

/** Restarts with something out of place, and puts it back. */
async function restartWithout(path: string): Promise<void> {
  renameSync(path, `${path}.away`);
  await daemon.restart();
  renameSync(`${path}.away`, path);
}

test("an instance that cannot be started is warned of, counted, and well again once it runs", async () => {
  await restartWithout(folder);
  const raised = await eventually(() => ofType("Failed to autostart instance"), { what: "the warning" });
  assert.deepEqual([raised.status, raised.severity, raised.count, raised.project, raised.entity_url], ["new", "low", 1, "default", `/1.0/instances/${name}`]);
  assert.match(raised.last_message, /source/);
  await restartWithout(folder);
  const again = await eventually(async () => {
    const one = await ofType("Failed to autostart instance");
    return one?.count === 2 ? one : undefined;
  }, { what: "it is counted" });
  assert.equal(again.uuid, raised.uuid);
  assert.ok(again.last_seen_at > raised.last_seen_at && again.first_seen_at === raised.first_seen_at);
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" });
  assert.equal((await ofType("Failed to autostart instance"))?.status, "resolved");
});

test("a warning goes with what it is about", async () => {
  await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "stop", force: true });
  assert.ok(await ofType("Failed to autostart instance"));
  await daemon.must("DELETE", `/1.0/instances/${name}`);
  assert.equal(await ofType("Failed to autostart instance"), undefined);
});

test("a network that does not come up is warned of", async () => {
  await daemon.run("network", "create", "side0", "ipv4.address=10.94.1.1/24", "ipv6.address=none");
  await daemon.stop();
  // Its address is somebody else's now.
  await daemon.inNamespace("sh", "-c", "ip link del side0; ip link add side0 type veth peer name side1");
  await daemon.start();
  const raised = await eventually(() => ofType("Network unavailable"), { what: "the warning" });
  assert.deepEqual([raised.severity, raised.entity_url, raised.status], ["high", "/1.0/networks/side0", "new"]);
  await daemon.inNamespace("ip", "link", "del", "side0");
  await daemon.restart();
  assert.equal((await ofType("Network unavailable"))?.status, "resolved");
});

test("both clients list, show, acknowledge and delete them, alike", async () => {
  const agree = async (...args: string[]) => {
    const [lxc, berth] = await Promise.all([daemon.lxc("warning", ...args), daemon.berth("warning", ...args)]);
    assert.deepEqual([lxc.code, berth.code], [0, 0], `${lxc.stderr}${berth.stderr}`);
    // Go breaks long lines, and writes a second's fraction without the zeros at its end.
    const tidy = (text: string) => text.replace(/\n {2,}(?![\w-]+:)/g, " ").replace(/(T\d\d:\d\d:\d\d)(\.\d*[1-9])?\.?0*Z/g, "$1$2Z");
    assert.equal(tidy(berth.stdout), tidy(lxc.stdout), args.join(" "));
    return lxc.stdout;
  };
  assert.match(await agree("list"), /AppArmor support has been disabled +\| NEW +\| LOW/);
  for (const format of ["csv", "yaml", "compact"]) await agree("list", "--all", "-f", format);
  await agree("list", "-c", "tcsf,lp");
  const apparmor = await ofType("AppArmor support has been disabled");
  assert.ok(apparmor);
  await agree("show", apparmor.uuid);
  assert.equal((await daemon.lxc("warning", "acknowledge", apparmor.uuid)).code, 0);
  assert.ok(!(await agree("list", "-f", "csv")).includes(apparmor.uuid), "what is acknowledged is shown with --all alone");
  assert.match(await agree("list", "--all", "-f", "csv"), new RegExp(`${apparmor.uuid},.*,ACKNOWLEDGED,`));
  assert.equal((await daemon.lxc("warning", "delete", apparmor.uuid)).code, 0);
  const gone = await Promise.all([daemon.lxc("warning", "show", apparmor.uuid), daemon.berth("warning", "show", apparmor.uuid)]);
  for (const { code, stderr } of gone) assert.match(`${code} ${stderr}`, /^1 Error: Warning not found/);
  await daemon.run("warning", "delete", "--all");
  assert.deepEqual(await warnings(), []);
});

test("the stock client prints what the machine has, and so does berth", async () => {
  const [lxc, berth] = await Promise.all([daemon.lxc("info", "--resources"), daemon.berth("info", "--resources")]);
  assert.deepEqual([lxc.code, berth.code], [0, 0], `${lxc.stderr}${berth.stderr}`);
  const tidy = (text: string) => text.replace(/(Free|Used): .*/g, "$1").replace(/Frequency: .*/g, "");
  assert.equal(tidy(berth.stdout), tidy(lxc.stdout));
  assert.match(lxc.stdout, /^CPUs? \(/);
});
