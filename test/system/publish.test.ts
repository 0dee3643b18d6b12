// Making images of instances and snapshots, by LXD's client and by the API, and launching what was made.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { runId } from "../helpers/folder.ts";
import { busyboxImages } from "../helpers/images.ts";
import { create, forceStop, importImage, launch, sh } from "../helpers/instances.ts";
import { mountsOf } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

let daemon: Daemon;
let work: string;

before(async () => {
  daemon = await startDaemon();
  work = mkdtempSync(`/tmp/berth-test-${runId}-publish-`);
  await importImage(daemon, (await busyboxImages()).squashfs, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});
afterEach(async () => {
  await daemon.deleteInstances();
  for (const image of await daemon.must("GET", "/1.0/images?recursion=1")) {
    if (!image.aliases.some(({ name }: { name: string }) => name === "busybox")) await daemon.must("DELETE", `/1.0/images/${image.fingerprint}`);
  }
  assert.deepEqual(readdirSync(`${daemon.dir}/images`).filter((entry) => entry.startsWith(".")), []);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => /storage-pools\/\w+\/mounts\//.test(point)), []);
});

const publish = (source: object, more: object = {}) => daemon.must("POST", "/1.0/images", { source, ...more });

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Owners, modes and links of some files of a guest, as it sees them. */
const look = (name: string) => sh(daemon, name, "cd /kept && stat -c '%n %u:%g %a %h %F' file hard link dir null setuid && readlink link && cat file");
const makeFiles = `mkdir -p /kept/dir && cd /kept && echo hello > file && ln file hard && ln -s ./file link && chown 1000:1001 file && chmod 640 file && chmod 1777 dir
  && cp /bin/busybox setuid && chown 33:33 setuid && chmod 6755 setuid && ln -s /etc/nowhere null`.replaceAll("\n", " ");

for (const pool of ["default", "copies"]) {
  test(`what is published of a stopped instance in the pool ${pool} launches again as it was, with the guest's own ids`, async () => {
    await create(daemon, "src", { devices: { root: { type: "disk", path: "/", pool } } });
    await daemon.must("PUT", "/1.0/instances/src/state", { action: "start" });
    await sh(daemon, "src", makeFiles);
    const seen = await look("src");
    await forceStop(daemon, "src");
    const { metadata, resources } = await publish({ type: "instance", name: "src" }, { aliases: [{ name: "made", description: "by hand" }], properties: { os: "Made" }, public: true });
    assert.deepEqual(resources, { images: [`/1.0/images/${metadata.fingerprint}`] });
    const image = await daemon.must("GET", `/1.0/images/${metadata.fingerprint}`);
    assert.deepEqual([image.public, image.properties, image.aliases, image.size, image.profiles], [true, { os: "Made" }, [{ name: "made", description: "by hand" }], Number(metadata.size), ["default"]]);
    const file = `${daemon.dir}/images/${metadata.fingerprint}`;
    assert.equal(createHash("sha256").update(readFileSync(file)).digest("hex"), metadata.fingerprint);
    const listed = (await execOk("tar", ["--numeric-owner", "-tvzf", file])).split("\n");
    assert.match(listed[0] ?? "", /0\/0 .* metadata\.yaml$/);
    assert.ok(listed.some((line) => /^-rw-r----- 1000\/1001 .* rootfs\/kept\/(file|hard)$/.test(line)), listed.filter((line) => line.includes("kept")).join("\n"));
    assert.ok(listed.some((line) => / templates\/[\w-]*hostname\.tpl$/.test(line)));
    assert.ok(listed.every((line) => line === "" || / (metadata\.yaml|templates\/.*|rootfs(\/.*)?)$/.test(line.replace(/ (->|link to) .*/, ""))), "nothing else is in it");
    await launch(daemon, "copy", { alias: "made" });
    assert.equal(await look("copy"), seen);
    assert.equal(await sh(daemon, "copy", "cat /etc/hostname"), "copy");
    await daemon.must("PUT", "/1.0/instances/src/state", { action: "start" });
    assert.equal(await look("src"), seen, "the source is as it was");
  });
}

test("LXD's client publishes, with properties, an expiry and a compression of its choice", async () => {
  await create(daemon, "src");
  assert.match(await lxc("publish", "src", "--alias", "one", "--compression", "zstd -3", "--expire", "2030-01-02T03:04:05Z", "--public", "os=A", "note=b c"), /Instance published with fingerprint: [0-9a-f]{64}/);
  const info = await lxc("image", "info", "one");
  assert.match(info, /Public: yes/);
  assert.match(info, /Expires: 2030\/01\/02 03:04 UTC/);
  assert.match(info, /note: b c/);
  await lxc("launch", "one", "again");
  assert.equal(await sh(daemon, "again", "echo here"), "here");
  const { stderr } = await daemon.lxc("publish", "src", "--compression", "sh -c id");
  assert.match(stderr, /expected one of none, gzip/);
});

test("a running instance is refused with LXD's sentence, and published with --force", async () => {
  await launch(daemon, "src");
  await assert.rejects(publish({ type: "instance", name: "src" }), /Cannot export a running instance as an image/);
  assert.match((await daemon.lxc("publish", "src")).stderr, /The instance is currently running\. Use --force/);
  await sh(daemon, "src", "echo kept > /kept");
  assert.match(await lxc("publish", "src", "--force", "--alias", "forced"), /published/);
  await eventually(async () => (await sh(daemon, "src", "cat /kept")) === "kept", { what: "it runs again" });
  await launch(daemon, "copy", { alias: "forced" });
  assert.equal(await sh(daemon, "copy", "cat /kept"), "kept");
});

test("snapshots are published while their instance runs and changes", async () => {
  await launch(daemon, "src");
  await sh(daemon, "src", "echo before > /state");
  await daemon.must("POST", "/1.0/instances/src/snapshots", { name: "snap" });
  await sh(daemon, "src", "echo after > /state; rm /bin/vi 2>/dev/null; true");
  await assert.rejects(publish({ type: "snapshot", name: "src" }), /Not a snapshot/);
  await assert.rejects(publish({ type: "instance", name: "src/snap" }), /This is a snapshot/);
  await publish({ type: "snapshot", name: "src/snap" }, { aliases: [{ name: "snap" }], compression_algorithm: "none" });
  await launch(daemon, "copy", { alias: "snap" });
  assert.equal(await sh(daemon, "copy", "cat /state"), "before");
  assert.equal(await sh(daemon, "src", "cat /state"), "after");
});

test("a snapshot that is deleted while it is packed is packed to its end, and then gone", async () => {
  await launch(daemon, "src");
  await sh(daemon, "src", "dd if=/dev/urandom of=/big bs=1M count=24 2>/dev/null; echo whole > /zz");
  await daemon.must("POST", "/1.0/instances/src/snapshots", { name: "snap" });
  const packing = publish({ type: "snapshot", name: "src/snap" }, { aliases: [{ name: "gone" }], compression_algorithm: "bzip2" });
  await eventually(() => readdirSync(`${daemon.dir}/images`).some((entry) => entry.startsWith(".")), { what: "it is being packed" });
  await daemon.must("DELETE", "/1.0/instances/src/snapshots/snap");
  await daemon.deleteInstances();
  await packing;
  await launch(daemon, "copy", { alias: "gone" });
  assert.equal(await sh(daemon, "copy", "cat /zz"), "whole");
  await daemon.deleteInstances();
  await eventually(() => readdirSync(`${daemon.dir}/storage-pools/default/layers`).length === 0, { what: "no layer is left" });
});

test("the same instance published twice is one image, in each algorithm", async () => {
  await create(daemon, "src");
  const made = await publish({ type: "container", name: "src" });
  await assert.rejects(publish({ type: "container", name: "src" }), /Image with same fingerprint already exists/);
  for (const compression_algorithm of ["squashfs", "xz -0", "lzma -0", "gzip -9"]) {
    const other = await publish({ type: "container", name: "src" }, { compression_algorithm });
    assert.notEqual(other.metadata.fingerprint, made.metadata.fingerprint);
    await daemon.must("POST", "/1.0/images/aliases", { name: "last", target: other.metadata.fingerprint });
    await launch(daemon, "copy", { alias: "last" });
    assert.equal(await sh(daemon, "copy", "echo here"), "here", compression_algorithm);
    await daemon.must("PUT", "/1.0/instances/copy/state", { action: "stop", force: true });
    await daemon.must("DELETE", "/1.0/instances/copy");
    await daemon.must("DELETE", "/1.0/images/aliases/last");
  }
});

test("a publication can be cancelled, and one that is refused makes nothing", async () => {
  await create(daemon, "src");
  const before = await daemon.must("GET", "/1.0/images");
  await importImage(daemon, (await busyboxImages()).unified, "taken");
  await assert.rejects(publish({ type: "instance", name: "src" }, { aliases: [{ name: "taken" }] }), /Alias "taken" already exists/);
  await assert.rejects(publish({ type: "instance", name: "nope" }), /Instance not found/);
  await assert.rejects(publish({ type: "instance", name: "src" }, { profiles: ["nope"] }), /Requested profile "nope" doesn't exist/);
  await assert.rejects(publish({ type: "magic", name: "src" }), /Image source "magic" is not supported/);
  await launch(daemon, "big");
  await sh(daemon, "big", "dd if=/dev/urandom of=/big bs=1M count=48 2>/dev/null");
  await forceStop(daemon, "big");
  const { operation } = (await daemon.request("POST", "/1.0/images", { source: { type: "instance", name: "big" }, compression_algorithm: "bzip2" })).json;
  await eventually(async () => /Image pack: /.test((await daemon.request("GET", operation)).json.metadata.metadata?.create_image_from_container_pack_progress ?? ""), { what: "progress is told" });
  assert.equal((await daemon.request("DELETE", operation)).status, 200);
  await eventually(async () => (await daemon.request("GET", operation)).json.metadata.status === "Cancelled", { what: "it has ended" });
  await daemon.must("DELETE", "/1.0/images/aliases/taken");
  assert.equal((await daemon.must("GET", "/1.0/images")).length, before.length + 1);
});

test("a daemon that is killed while it publishes leaves the instance as it was, and nothing else", async () => {
  await launch(daemon, "src");
  await sh(daemon, "src", "dd if=/dev/urandom of=/big bs=1M count=48 2>/dev/null; echo kept > /kept");
  await forceStop(daemon, "src");
  void publish({ type: "instance", name: "src" }, { compression_algorithm: "xz" }).catch(() => {});
  await eventually(() => readdirSync(`${daemon.dir}/images`).some((entry) => entry.startsWith(".")), { what: "it is being packed" });
  await daemon.kill9();
  await eventually(() => daemon.namespace.family().every(({ command }: { command: string }) => !/^(tar|xz) /.test(command)), { what: "its tools have ended" });
  await daemon.start();
  assert.deepEqual(readdirSync(`${daemon.dir}/images`).filter((entry) => entry.startsWith(".")), []);
  await daemon.must("PUT", "/1.0/instances/src/state", { action: "start" });
  assert.equal(await sh(daemon, "src", "cat /kept"), "kept");
});

test("an image that is deleted while instances are made of it is either used whole or not there", async () => {
  await create(daemon, "src");
  for (let round = 0; round < 4; round++) {
    const { metadata } = await publish({ type: "instance", name: "src" });
    const source = { type: "image", fingerprint: metadata.fingerprint };
    const making = ["a", "b", "c"].map((name) => daemon.must("POST", "/1.0/instances", { name, source }));
    const deleting = pause(round * 15).then(() => daemon.must("DELETE", `/1.0/images/${metadata.fingerprint}`));
    const made = await Promise.allSettled(making);
    await deleting;
    for (const [i, one] of made.entries()) {
      const name = "abc"[i] ?? "";
      if (one.status === "rejected") assert.match(String(one.reason), /Image not found/);
      else await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "start" });
    }
    assert.equal((await daemon.must("GET", "/1.0/instances")).length, 1 + made.filter(({ status }) => status === "fulfilled").length);
    for (const [i, { status }] of made.entries()) {
      if (status !== "fulfilled") continue;
      assert.equal(await sh(daemon, "abc"[i] ?? "", "echo here"), "here");
      await forceStop(daemon, "abc"[i] ?? "");
      await daemon.must("DELETE", `/1.0/instances/${"abc"[i]}`);
    }
    assert.deepEqual(readdirSync(`${daemon.dir}/storage-pools/default/images`).filter((entry) => entry === metadata.fingerprint), [], "the pool has no part of it any more");
  }
});
