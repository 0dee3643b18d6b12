// A whole OS with systemd, on the machine's own cgroups and on cgroup v2 alone: boots, is entered, paused, rebooted and shut down.
import assert from "node:assert/strict";
import { test } from "node:test";
import { unifyCgroups } from "../helpers/cgroups.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, booted, importImage, initOf, launch, listen, sh, statusOf } from "../helpers/instances.ts";
import { debianImage } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

const name = `deb${process.pid}`;

const layouts: Record<string, ((daemon: Daemon) => Promise<void>) | undefined> = { "the machine's own cgroups": undefined, "cgroup v2 alone": unifyCgroups };
for (const [layout, prepare] of Object.entries(layouts)) {
  test(`Debian with systemd lives on ${layout}`, async () => {
    await using daemon = await startDaemon(prepare ? { prepare } : {});
    await importImage(daemon, await debianImage(), "debian");
    await launch(daemon, name, { alias: "debian" });
    await booted(daemon, name, "debian");
    await using events = await listen(daemon);
    const init = await initOf(daemon, name);
    assert.equal(await sh(daemon, name, "cat /proc/1/comm; hostname"), `systemd\n${name}`);
    assert.equal(await sh(daemon, name, "systemctl --failed --no-legend --plain | grep -v '^$' | wc -l"), "0");
    await eventually(() => sh(daemon, name, "ip -4 -o addr show eth0 | grep -o 'inet [0-9.]*'"), { timeout: 20_000, what: "it has an address" });

    await act(daemon, name, "freeze");
    assert.equal(await statusOf(daemon, name), "Frozen");
    await assert.rejects(sh(daemon, name, "true"), /Instance is frozen/);
    await daemon.restart();
    assert.equal(await statusOf(daemon, name), "Frozen");
    await act(daemon, name, "unfreeze");
    assert.equal(await initOf(daemon, name), init);
    assert.equal(await sh(daemon, name, "echo here"), "here");

    await daemon.berth("exec", name, "--", "systemctl", "reboot");
    await eventually(async () => { const now = await initOf(daemon, name); return now > 0 && now !== init; }, { timeout: 30_000, what: "it comes back from its reboot" });
    await booted(daemon, name, "debian");
    const begun = Date.now();
    await act(daemon, name, "stop", { timeout: 60 });
    assert.ok(Date.now() - begun < 20_000);
    assert.equal(await statusOf(daemon, name), "Stopped");

    await act(daemon, name, "start");
    await booted(daemon, name, "debian");
    const last = await initOf(daemon, name);
    await daemon.berth("exec", name, "--", "systemctl", "poweroff");
    await eventually(async () => (await statusOf(daemon, name)) === "Stopped", { timeout: 30_000 });
    assert.equal(isAlive(last), false);
    assert.ok(events.actions(name).includes("instance-paused"));
  });
}
