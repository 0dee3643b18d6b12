// Files of instances through the API, `berth` and the stock client; guests that set traps; what does not exist.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { shell } from "../helpers/guests.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, booted, create, importImage, launch, listen, sh } from "../helpers/instances.ts";
import type { Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";

const [up, off] = [`files${process.pid}-1`, `files${process.pid}-2`];
let daemon: Daemon;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(`${dirname(daemon.dir)}/files-`);
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, up);
  await booted(daemon, up);
  await create(daemon, off);
});
after(() => daemon?.[Symbol.asyncDispose]());

const url = (path: string, name = up) => `/1.0/instances/${name}/files?path=${encodeURIComponent(path)}`;
const get = (path: string, name?: string) => daemon.request("GET", url(path, name));
const head = (path: string, name?: string) => daemon.request("HEAD", url(path, name));
const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}, name?: string) => daemon.request("POST", url(path, name), body, { headers });
const del = (path: string, name?: string) => daemon.request("DELETE", url(path, name));
const sha = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

function refused(reply: Reply, status: number, error: RegExp | string): void {
  const seen = [reply.status, reply.json?.type, reply.json?.error];
  assert.ok(reply.status === status && reply.json?.type === "error", JSON.stringify(seen));
  if (typeof error === "string") assert.equal(reply.json.error, error);
  else assert.match(reply.json.error, error);
}

function done(reply: Reply): void {
  assert.deepEqual([reply.status, reply.json], [200, { type: "sync", status: "Success", status_code: 200, operation: "", error_code: 0, error: "", metadata: {} }], reply.text);
}

/** A script in which both clients are tried, `$C` being each; it must succeed. */
async function both(script: string): Promise<void> {
  for (const client of ["berth", "lxc"]) {
    const { code, stderr, stdout } = await shell(daemon, script, { cwd: folder, env: { C: client, UP: up, OFF: off, D: `/root/${client}` } });
    assert.equal(code, 0, `${client}: ${stderr}${stdout}`);
  }
}

for (const name of [up, off]) {
  test(`a file can be written, read, appended to, cut short and deleted (${name === up ? "running" : "stopped"})`, async () => {
    done(await post("/root/a b ü", "one", { "x-lxd-mode": "0640", "x-lxd-uid": "12", "x-lxd-gid": "34", "x-lxd-type": "file" }, name));
    done(await post("/root/a b ü", " two", { "x-lxd-write": "append", "x-lxd-mode": "0777", "x-lxd-uid": "1" }, name));
    const { status, headers, text } = await get("/root/a b ü", name);
    assert.deepEqual([status, text, headers["x-lxd-mode"], headers["x-lxd-uid"], headers["x-lxd-gid"], headers["x-lxd-type"], headers["content-type"]],
      [200, "one two", "0640", "12", "34", "file", "application/octet-stream"]);
    assert.match(String(headers["x-lxd-modified"]), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$/);
    assert.match(String(headers["content-disposition"]), /^inline;filename="a b /);
    done(await post("/root/a b ü", "x", {}, name));
    assert.equal((await get("/root/a b ü", name)).text, "x");
    assert.deepEqual([(await head("/root/a b ü", name)).headers["content-length"], (await head("/root/a b ü", name)).text], ["1", ""]);
    done(await del("/root/a b ü", name));
    refused(await del("/root/a b ü", name), 404, "Not Found");
  });

  test(`directories and links are made, listed and deleted (${name === up ? "running" : "stopped"})`, async () => {
    done(await post("/srv-x", "", { "X-Incus-type": "directory" }, name));
    done(await post("/srv-x", "", { "x-lxd-type": "directory", "x-lxd-mode": "0777" }, name));
    assert.equal((await head("/srv-x", name)).headers["x-lxd-mode"], "0750");
    for (let i = 0; i < 2; i++) done(await post("/srv-x/l", "../etc/./hosts", { "x-lxd-type": "symlink" }, name));
    refused(await post("/srv-x/l", "/other", { "x-lxd-type": "symlink" }, name), 400, "/srv-x/l: it exists already");
    const link = await get("/srv-x/l", name);
    assert.deepEqual([link.text, link.headers["x-lxd-type"]], ["/etc/hosts", "symlink"]);
    done(await post("/srv-x/-f", "", {}, name));
    const list = await get("/srv-x", name);
    assert.deepEqual([list.json.metadata, list.headers["x-lxd-type"], list.headers["content-type"]], [["-f", "l"], "directory", "application/json"]);
    refused(await del("/srv-x", name), 400, "/srv-x: the directory is not empty");
    refused(await post("/srv-x", "text", {}, name), 400, "/srv-x: is a directory");
    for (const path of ["/srv-x/l", "/srv-x/-f", "/srv-x/"]) done(await del(path, name));
  });
}

test("what does not exist, or makes no sense, is refused with LXD's words", async () => {
  refused(await get("/nope"), 404, "Not Found");
  refused(await get("/x", "nobody"), 404, "Instance not found");
  refused(await post("/no/such/folder", "x"), 404, "Not Found");
  refused(await post("/new", "x", { "x-lxd-write": "append" }), 404, "Not Found");
  refused(await post("/new", "x", { "x-lxd-write": "twice" }), 400, "Bad file write mode: twice");
  refused(await post("/new", "x", { "x-lxd-type": "socket" }), 400, "Bad file type: socket");
  refused(await post("/new", "x", { "x-lxd-uid": "4294967290" }), 400, /outside the instance's range/);
  refused(await daemon.request("GET", `/1.0/instances/${up}/files?path=`), 400, "Missing path argument");
  refused(await get("/etc/passwd/x"), 400, "/etc/passwd/x: not a directory");
  refused(await del("/"), 400, /cannot be made or removed/);
  refused(await get("/a\0b"), 400, /zero byte/);
  assert.equal((await get("/new")).status, 404);
});

test("the guest sees what was written, owned by its own ids", async () => {
  done(await post("/root/mine", "text", { "x-lxd-uid": "1000", "x-lxd-gid": "1001", "x-lxd-mode": "384" })); // decimal
  done(await post("/root/plain", "text"));
  assert.equal(await sh(daemon, up, "stat -c '%u:%g %a' /root/mine; stat -c '%u:%g %a' /root/plain"), "1000:1001 600\n0:0 644");
  await sh(daemon, up, "mkdir -p /run/t && mount -t tmpfs t /run/t && echo inside > /run/t/f");
  assert.equal((await get("/run/t/f")).text, "inside\n");
});

test("a frozen instance's files can be used", async () => {
  await act(daemon, up, "freeze");
  try {
    done(await post("/root/cold", "ice"));
    assert.equal((await get("/root/cold")).text, "ice");
  } finally {
    await act(daemon, up, "unfreeze");
  }
});

test("nothing of the host is reached through a guest's links", async () => {
  const secret = `${folder}/secret`;
  writeFileSync(secret, "host");
  await sh(daemon, up, `cd /root; ln -s ${secret} abs; ln -s ../../../../..${secret} rel; ln -s / top; ln -s /proc/1/root magic; ln -s /proc/self/root self; ln -s loop loop`);
  for (const path of ["/root/abs", "/root/rel"]) {
    const { text, headers } = await get(path);
    assert.deepEqual([text, headers["x-lxd-type"]], [secret, "symlink"]);
    refused(await post(path, "overwritten"), 404, "Not Found"); // the folder is not in the guest
  }
  for (const path of [`/root/top${secret}`, `/root/../../../..${secret}`]) refused(await get(path), 404, "Not Found");
  for (const path of ["/root/magic", "/proc/1/root", "/root/self"]) {
    const reply = await get(`${path}${secret}`);
    assert.ok([400, 404].includes(reply.status), `${path}: ${reply.status} ${reply.text}`);
  }
  refused(await get("/root/loop/x"), 400, /too many links/);
  assert.equal(readFileSync(secret, "utf8"), "host");
  done(await post("/root/x", "/etc/made-here", { "x-lxd-type": "symlink" }));
  done(await post("/root/x", "through a link that led nowhere", { "x-lxd-uid": "5" }));
  assert.equal(await sh(daemon, up, "cat /etc/made-here; stat -c %u /etc/made-here"), "through a link that led nowhere5");
  assert.equal(existsSync("/etc/made-here"), false);
});

test("devices, FIFOs, sockets and the kernel's files are refused at once", async () => {
  await sh(daemon, up, "mkfifo /root/fifo; ln -s /proc/sys/kernel/hostname /root/proc; ln -s /dev/zero /root/zero");
  for (const path of ["/root/fifo", "/dev/zero", "/dev/null"]) {
    refused(await get(path), 400, /is a (FIFO|device)$/);
    refused(await post(path, "x"), 400, /is a (FIFO|device)$/);
  }
  refused(await post("/root/zero", "x"), 400, /is a device/);
  refused(await get("/proc/sys/kernel/hostname"), 400, /kernel's file systems/);
  refused(await post("/root/proc", "x"), 400, /kernel's file systems/);
  refused(await post("/sys/x", "x"), 400, /kernel's file systems|not permitted|denied|read-only/);
  assert.ok((await get("/proc")).json.metadata.includes("1"));
  done(await del("/root/fifo"));
});

test("a directory that is swapped for a link while it is walked leads nowhere", { timeout: 60_000 }, async () => {
  mkdirSync(`${folder}/victim`);
  writeFileSync(`${folder}/victim/f`, "host");
  await sh(daemon, up, `cd /root; mkdir -p swap-d; echo guest > swap-d/f; (i=0; while [ $i -lt 3000 ]; do mv swap-d swap; mv swap swap-d; ln -s ${folder}/victim swap; rm swap; i=$((i+1)); done) >/dev/null 2>&1 &`);
  for (let i = 0; i < 300; i++) {
    const [read, written] = await Promise.all([get("/root/swap/f"), post("/root/swap/g", "guest's")]);
    assert.notEqual(read.text, "host");
    assert.ok([200, 400, 404].includes(written.status), written.text);
  }
  assert.deepEqual([readFileSync(`${folder}/victim/f`, "utf8"), existsSync(`${folder}/victim/g`)], ["host", false]);
});

test("a read-only file system and a full one say so", async () => {
  await sh(daemon, up, "mkdir -p /run/ro /run/small; mount -t tmpfs -o ro r /run/ro; mount -t tmpfs -o size=1m s /run/small");
  refused(await post("/run/ro/f", "x"), 400, "/run/ro/f: the file system is read-only");
  const reply = await post("/run/small/f", randomBytes(3 << 20));
  refused(reply, 500, "No space left on the device that holds /run/small/f");
  assert.match(decodeURIComponent(String(reply.headers["berth-error-hint"])), /^1048576 bytes were written/);
  assert.equal((await head("/run/small/f")).headers["content-length"], "1048576");
});

test("both clients push, pull, edit and delete", async () => {
  writeFileSync(`${folder}/-lead ü`, "dash");
  writeFileSync(`${folder}/empty`, "");
  await both(`set -e
    $C file push -p --uid 7 --gid 8 --mode 0604 ./empty $UP$D/deep/er/e
    $C file push -- "./-lead ü" "$UP$D/-lead ü"
    echo stdin | $C file push - $UP$D/in
    test "$($C file pull $UP$D/in -)" = stdin
    $C file pull -- "$UP$D/-lead ü" out-$C && cmp out-$C "./-lead ü"
    echo edited | $C file edit $UP$D/in
    test "$($C file pull $UP$D/in -)" = edited
    $C file pull $UP$D/deep/er/e got-$C && test ! -s got-$C && test "$(stat -c %a got-$C)" = 604
    ! $C file pull $UP$D/deep . 2>err && grep -q "without --recursive" err
    ! $C file pull $UP$D/none . 2>err && grep -q "Not Found" err
    test "$($C exec $UP -- stat -c '%u:%g %a' $D/deep/er/e)" = "7:8 604"
    $C file delete $UP$D/in $UP$D/deep/er/e
    ! $C file pull $UP$D/in - 2>/dev/null
    echo off | $C file push - $OFF/root/$C && test "$($C file pull $OFF/root/$C -)" = off`);
});

test("the editor gets the file's content, and what it leaves is written back", async () => {
  await daemon.request("POST", url("/root/edited"), "first\n", { headers: { "x-lxd-mode": "0600" } });
  writeFileSync(`${folder}/editor`, '#!/bin/sh\nsed -i s/first/second/ "$1"\n', { mode: 0o755 });
  const script = `script -qec "berth file edit ${up}/root/edited" /dev/null </dev/null`;
  const { code, stdout } = await shell(daemon, script, { cwd: folder, env: { EDITOR: `${folder}/editor`, VISUAL: "" } });
  assert.equal(code, 0, stdout);
  const { text, headers } = await get("/root/edited");
  assert.deepEqual([text, headers["x-lxd-mode"]], ["second\n", "0600"]);
});

test("both clients carry whole trees", async () => {
  mkdirSync(`${folder}/tree/sub`, { recursive: true, mode: 0o700 });
  for (let i = 0; i < 40; i++) writeFileSync(`${folder}/tree/sub/f${i}`, String(i), { mode: 0o640 });
  symlinkSync("/etc/hosts", `${folder}/tree/link`);
  await both("$C file push -rp tree $UP$D/new && mkdir back-$C && $C file pull -r $UP$D/new/tree back-$C");
  for (const client of ["berth", "lxc"]) {
    const back = `${folder}/back-${client}/tree`;
    assert.equal(readlinkSync(`${back}/link`), "/etc/hosts");
    assert.deepEqual([readFileSync(`${back}/sub/f39`, "utf8"), statSync(`${back}/sub/f0`).mode & 0o777, lstatSync(`${back}/sub`).mode & 0o777], ["39", 0o640, 0o700]);
  }
  assert.equal((await daemon.berth("file", "push", "-r", "--uid", "3", folder, `${up}/root`)).stderr, "Error: Can't supply uid/gid/mode in recursive mode\n");
});

test("64 MiB come back the same", { timeout: 120_000 }, async () => {
  const bytes = randomBytes(64 << 20);
  writeFileSync(`${folder}/big`, bytes);
  await both("$C file push big $UP$D-big && $C file pull $UP$D-big $C-big && $C file pull $UP$D-big - | cmp - big");
  for (const client of ["berth", "lxc"]) assert.equal(sha(readFileSync(`${folder}/${client}-big`)), sha(bytes));
  assert.equal((await sh(daemon, up, "sha256sum /root/berth-big")).split(" ")[0], sha(bytes));
  for (const name of ["big", "berth-big", "lxc-big"]) rmSync(`${folder}/${name}`);
});

test("what is done to files is told as events", async () => {
  await using events = await listen(daemon);
  done(await post("/root/told", "x"));
  await get("/root/told");
  await head("/root/told");
  done(await del("/root/told"));
  const expected = ["instance-file-pushed", "instance-file-retrieved", "instance-file-deleted"];
  await eventually(() => events.actions(up).length >= 3, { what: "three events have come" });
  assert.deepEqual(events.actions(up), expected);
});

test("many requests for one new file leave it as one would", async () => {
  const replies = await Promise.all(Array.from({ length: 8 }, () => post("/root/raced", "same", { "x-lxd-uid": "9", "x-lxd-mode": "0600" })));
  for (const reply of replies) done(reply);
  const { text, headers } = await get("/root/raced");
  assert.deepEqual([text, headers["x-lxd-uid"], headers["x-lxd-mode"]], ["same", "9", "0600"]);
});

test("clients that go away leave no descriptor open, and what had come is there", async () => {
  done(await post("/root/long", randomBytes(16 << 20)));
  const count = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
  const before = count();
  const env = { UP: up };
  for (let i = 0; i < 3; i++) {
    await shell(daemon, "berth file pull $UP/root/long - | head -c 10", { env });
    await shell(daemon, "(head -c 4194304 /dev/zero; sleep 5) | timeout 0.6 berth file push - $UP/root/cut", { env });
  }
  for (const path of ["/dev/zero", "/nope", "/proc/version", "/root/long/x"]) await get(path);
  await eventually(() => count() <= before, { what: `${count()} descriptors become ${before}` });
  assert.equal((await head("/root/cut")).headers["content-length"], String(4 << 20));
  assert.doesNotMatch(daemon.log(), /unexpected error/);
});

test("a file system that never answers holds up nobody, and what is mounted otherwise is reached", async () => {
  const trap = `files${process.pid}-3`;
  await launch(daemon, trap, { config: { "security.privileged": "true" } });
  await sh(daemon, trap, `(exec 5<>/dev/fuse; mount -t fuse -o fd=5,rootmode=40000,user_id=0,group_id=0 trap /mnt; exec sleep 600) > /dev/null 2>&1 < /dev/null &
    until grep -q " /mnt fuse" /proc/mounts; do sleep 0.1; done; ln -s ../mnt/a /root/link`);
  const served = /lies on a file system that a program serves/;
  const soon = { timeout: 10_000 };
  for (const path of ["/mnt", "/mnt/a", "/mnt/a/b", "/root/link", "/root/../mnt/a"]) {
    const read = await daemon.request("GET", url(path, trap), undefined, soon);
    if (path === "/root/link") assert.equal(read.text, "/mnt/a"); // itself, not what it points to
    else refused(read, 400, served);
    refused(await daemon.request("POST", url(path, trap), "x", soon), 400, served);
    refused(await daemon.request("DELETE", url(`${path}/c`, trap), undefined, soon), 400, served);
  }
  assert.equal((await daemon.request("GET", "/1.0", undefined, soon)).status, 200);
  await daemon.must("PUT", `/1.0/instances/${trap}/state`, { action: "stop", force: true, timeout: 30 });
  await sh(daemon, up, "mkdir -p /run/a /run/b /run/over; echo below > /run/a/file; mount -t overlay -o lowerdir=/run/a:/run/b over /run/over");
  refused(await get("/run/over/file"), 400, served);
  assert.equal((await get("/run/a/file")).text, "below\n");
  await sh(daemon, up, "umount /run/over; mkdir -p /run/t/u; mount -t tmpfs none /run/t; mkdir /run/t/u; ln -s /run/t/u /root/far; ln -s ../../../../root/far /run/t/loop");
  done(await post("/run/t/loop/new", "through links and mounts"));
  assert.equal(await sh(daemon, up, "cat /run/t/u/new"), "through links and mounts");
});
