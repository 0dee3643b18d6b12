// What guests can ask of the daemon over /dev/lxd/sock, and what they cannot.
import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { ask, guestSocket, nodeInGuest } from "../helpers/guest-client.ts";
import { importBusybox } from "../helpers/guests.ts";
import { act, booted, destroy, forceStop, initOf, launch, listen, sh, statusOf } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

describe("/dev/lxd", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await startDaemon();
    await importBusybox(daemon);
    const config = { "user.color": "blue\nand green", "cloud-init.user-data": "#cloud-config\n{}", "user.empty": "", "limits.processes": "500", "user.meta-data": "place: here\n" };
    await Promise.all([launch(daemon, "c1", { config }), launch(daemon, "c2", { config: { "user.color": "red" } })]);
    await Promise.all([booted(daemon, "c1"), booted(daemon, "c2")]);
  });
  after(() => daemon[Symbol.asyncDispose]());

  test("answers what it is asked, without envelopes", async () => {
    assert.deepEqual(JSON.parse((await ask(daemon, "c1", "/")).body), ["/1.0"]);
    const about = await ask(daemon, "c1", "/1.0");
    assert.equal(about.headers["content-type"], "application/json");
    const { location, ...rest } = JSON.parse(about.body);
    assert.ok(location.length > 0);
    assert.deepEqual(rest, { api_version: "1.0", instance_type: "container", state: "Started" });
    const { config } = await daemon.must("GET", "/1.0/instances/c1");
    assert.equal((await ask(daemon, "c1", "/1.0/meta-data")).body, `#cloud-config\ninstance-id: ${config["volatile.cloud-init.instance-id"]}\nlocal-hostname: c1\nplace: here\n`);
    const devices = JSON.parse((await ask(daemon, "c1", "/1.0/devices")).body);
    assert.equal(devices.eth0.hwaddr, config["volatile.eth0.hwaddr"]);
    assert.equal(devices.root.type, "disk");
  });

  test("shows a guest the keys that are meant for it, and nobody else's", async () => {
    assert.deepEqual(JSON.parse((await ask(daemon, "c1", "/1.0/config")).body), ["/1.0/config/cloud-init.user-data", "/1.0/config/user.color", "/1.0/config/user.meta-data"]);
    const color = await ask(daemon, "c1", "/1.0/config/user.color");
    assert.deepEqual([color.status, color.headers["content-type"], color.body], [200, "application/octet-stream", "blue\nand green"]);
    assert.equal((await ask(daemon, "c2", "/1.0/config/user.color")).body, "red");
    for (const [path, status, body] of [
      ["/1.0/config/user.none", 404, "not found\n"], ["/1.0/config/limits.processes", 403, "not authorized\n"], ["/1.0/config/volatile.uuid", 403, "not authorized\n"],
      ["/1.0/config/user.__proto__", 404, "not found\n"], ["/1.0/config/%", 400, "that is no path\n"], ["/1.0/instances", 404, "not found\n"], ["/1.0/../etc", 404, "not found\n"],
    ] as const) {
      const reply = await ask(daemon, "c1", path);
      assert.deepEqual([path, reply.status, reply.body], [path, status, body]);
    }
    assert.equal((await ask(daemon, "c1", "/1.0/config", { method: "DELETE" })).status, 405);
  });

  test("serves the guest's root alone", async () => {
    const refused = await ask(daemon, "c1", "/1.0/config", { uid: 1000 });
    assert.deepEqual([refused.status, refused.body], [401, "Access denied for non-root user\n"]);
    assert.equal((await daemon.inNamespace("sh", "-c", `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | node -e 'const s=require("net").connect(process.argv[1]);process.stdin.pipe(s);s.pipe(process.stdout)' ${guestSocket(daemon, "c1")}`)).stdout.split("\r\n")[0], "HTTP/1.1 401 Unauthorized");
  });

  test("cannot be written to, replaced or removed by a hostile root", async () => {
    const attempts = ["touch /dev/lxd/x", "rm -f /dev/lxd/sock; ! test -S /dev/lxd/sock", "mv /dev/lxd/sock /dev/lxd/s", "ln -s /x /dev/lxd/y", "chmod 700 /dev/lxd", "chmod 0 /dev/lxd/sock", "chown 1 /dev/lxd/sock", "rmdir /dev/lxd"];
    for (const remount of ["true", "mount -o remount,bind,rw /dev/lxd"]) {
      for (const attempt of attempts) assert.equal(await sh(daemon, "c2", `${remount} 2>/dev/null; (${attempt}) >/dev/null 2>&1 && echo done || echo refused`), "refused", `${remount}; ${attempt}`);
    }
    const inside = statSync(`/proc/${await initOf(daemon, "c2")}/root/dev/lxd/sock`);
    assert.equal(inside.ino, statSync(guestSocket(daemon, "c2")).ino);
    assert.equal((await ask(daemon, "c2", "/")).status, 200);
  });

  test("makes an instance Ready when its guest says so, until it stops", async () => {
    await using events = await listen(daemon);
    const say = (state: string) => ask(daemon, "c1", "/1.0", { method: "PATCH", body: JSON.stringify({ state }) });
    assert.deepEqual((await say("Ready")).status, 200);
    const view = await daemon.must("GET", "/1.0/instances/c1");
    assert.deepEqual([view.status, view.status_code, view.config["volatile.last_state.ready"]], ["Ready", 113, "true"]);
    assert.equal((await daemon.must("GET", "/1.0/instances/c1/state")).status, "Ready");
    assert.match((await daemon.lxc("list", "--format", "csv", "-c", "ns")).stdout, /^c1,READY$/m);
    assert.match(await daemon.run("list", "--format", "csv", "-c", "ns"), /^c1,READY$/m);
    assert.equal(JSON.parse((await ask(daemon, "c1", "/1.0")).body).state, "Ready");
    await say("Ready");
    await eventually(() => events.actions("c1").length > 0);
    assert.deepEqual(events.actions("c1"), ["instance-ready"]);

    await daemon.restart();
    assert.equal(await statusOf(daemon, "c1"), "Ready");
    assert.equal((await say("Started")).status, 200);
    assert.equal(await statusOf(daemon, "c1"), "Running");
    for (const body of ["", "nonsense", "null", "[]", '{"state": "Frozen"}', '{"state": {}}']) {
      assert.equal((await ask(daemon, "c1", "/1.0", { method: "PATCH", body })).status, 400, body);
    }
    await say("Ready");
    await act(daemon, "c1", "freeze");
    assert.equal(await statusOf(daemon, "c1"), "Frozen");
    await act(daemon, "c1", "unfreeze");
    assert.equal(await statusOf(daemon, "c1"), "Ready");
    await act(daemon, "c1", "restart", { force: true });
    assert.equal(await statusOf(daemon, "c1"), "Running");
    assert.equal((await daemon.must("GET", "/1.0/instances/c1")).config["volatile.last_state.ready"], undefined);
  });

  test("is a working socket again after the daemon was killed", async () => {
    await daemon.kill9();
    assert.equal((await nodeInGuest(daemon, "c2", `require("net").connect(process.argv[1]).on("error", (error) => console.log(error.code))`).catch(() => "ECONNREFUSED")).trim(), "ECONNREFUSED");
    await daemon.start();
    assert.equal((await ask(daemon, "c2", "/1.0/config/user.color")).body, "red");
    assert.equal(statSync(`/proc/${await initOf(daemon, "c2")}/root/dev/lxd/sock`).ino, statSync(guestSocket(daemon, "c2")).ino);
  });

  test("is not there for a guest that may not have it, and closed at once when it may no more", async () => {
    await launch(daemon, "c3", { config: { "security.devlxd": "false" } });
    await booted(daemon, "c3");
    assert.equal(await sh(daemon, "c3", "ls -d /dev/lxd 2>/dev/null | wc -l"), "0");
    await destroy(daemon, "c3");
    await daemon.run("config", "set", "c2", "security.devlxd=false");
    const refused = await ask(daemon, "c2", "/1.0/config");
    assert.deepEqual([refused.status, refused.body], [403, "not authorized\n"]);
    await daemon.run("config", "unset", "c2", "security.devlxd");
    assert.equal((await ask(daemon, "c2", "/1.0/config")).status, 200);
  });

  test("leaves no folder behind for instances that have stopped", async () => {
    await launch(daemon, "c4");
    const socket = guestSocket(daemon, "c4");
    assert.ok(existsSync(socket));
    await forceStop(daemon, "c4");
    assert.equal(existsSync(socket), false);
    assert.equal(readdirSync(`${daemon.dir}/devlxd`).length, 2);
  });

  test("gives public images to a guest that may ask for them", async () => {
    const [image] = await daemon.must("GET", "/1.0/images?recursion=1");
    const path = `/1.0/images/${image.fingerprint}/export`;
    const size = `require("http").get({socketPath: process.argv[1], path: process.argv[2]}, async (r) => { let n = 0; for await (const c of r) n += c.length; console.log(r.statusCode + " " + n); })`;
    const fetch = async () => (await nodeInGuest(daemon, "c1", size, [path])).trim();
    assert.match(await fetch(), /^403 /);
    await daemon.run("config", "set", "c1", "security.devlxd.images=true");
    assert.match(await fetch(), /^404 /);
    await daemon.must("PATCH", `/1.0/images/${image.fingerprint}`, { public: true });
    assert.equal(await fetch(), `200 ${image.size}`);
  });
});
