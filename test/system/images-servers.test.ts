// Images between servers: two daemons and a simplestreams server, driven by LXD's own client, and by strangers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { makeFolder, runId } from "../helpers/folder.ts";
import { type BusyboxImages, busyboxImages, fingerprintOf } from "../helpers/images.ts";
import { importImage, sh, uploadOf } from "../helpers/instances.ts";
import { certificateFiles, Mirror } from "../helpers/mirror.ts";
import { Network } from "../helpers/network.ts";
import { eventually } from "../helpers/wait.ts";

const relayScript = fileURLToPath(new URL("../helpers/cutting-relay.mjs", import.meta.url));

let daemon: Daemon;
/** In the same network; it has no pool. */
let other: Daemon;
let otherFolder = "";
let network: Network;
let otherNetwork: Network;
let mirror: Mirror;
let images: BusyboxImages;
let work: string;
const fingerprints = { unified: "", split: "", squashfs: "" };

before(async () => {
  work = mkdtempSync(`/tmp/berth-test-${runId}-servers-`);
  const files = certificateFiles(work);
  const env = { NODE_EXTRA_CA_CERTS: files.cert };
  daemon = await startDaemon({ env });
  otherFolder = makeFolder();
  other = new Daemon(otherFolder, daemon.namespace, { env });
  mkdirSync(other.dir, { mode: 0o711 });
  await other.start();
  [network, otherNetwork] = [await Network.open(daemon, 8443), await Network.open(other, 8444)];
  mirror = await Mirror.start(daemon, files);
  images = await busyboxImages();
  for (const kind of ["unified", "split", "squashfs"] as const) fingerprints[kind] = fingerprintOf(images[kind]);
  mkdirSync(`${work}/conf`);
  for (const [name, server, port] of [["near", daemon, 8443], ["far", other, 8444]] as const) {
    await server.must("PATCH", "/1.0", { config: { "core.trust_password": "secret" } });
    await lxc("remote", "add", name, `https://127.0.0.1:${port}`, "--accept-certificate", "--password", "secret");
    await lxc("remote", "add", `${name}-public`, `https://127.0.0.1:${port}`, "--accept-certificate", "--public");
  }
  await lxc("remote", "add", "streams", mirror.url, "--protocol", "simplestreams");
});
after(async () => {
  await mirror?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
  await otherNetwork?.[Symbol.asyncDispose]();
  await other?.stop();
  await daemon?.[Symbol.asyncDispose]();
  for (const folder of [work, otherFolder]) rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  mirror.misbehave({});
  await daemon.deleteInstances();
  for (const server of [daemon, other]) {
    for (const url of await server.must("GET", "/1.0/images")) await server.must("DELETE", url);
    assert.deepEqual(readdirSync(`${server.dir}/images`), []);
    rmSync(`${server.dir}/cache`, { recursive: true, force: true });
  }
});

const run = (...args: string[]) => network.lxc(`${work}/conf`, args, { env: { SSL_CERT_FILE: `${work}/mirror.crt` } });

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await run(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr || stdout}\n${daemon.log(8)}`);
  return stdout.trim();
}

const stranger = (path: string, headers: Record<string, string> = {}, method = "GET", body?: Buffer) => otherNetwork.call(undefined, method, path, body, { headers });
const sourceIn = async (kind: "unified" | "split" | "squashfs", alias: string) => importImage(other, images[kind], alias);

for (const mode of ["pull", "push", "relay"]) {
  test(`private images are copied to another server by ${mode}, split ones and others`, async () => {
    await sourceIn("unified", "one");
    await sourceIn("squashfs", "two");
    await other.must("PATCH", `/1.0/images/${fingerprints.squashfs}`, { properties: { note: "kept" } });
    await lxc("image", "copy", "far:one", "near:", "--mode", mode, "--copy-aliases");
    await lxc("image", "copy", "far:two", "near:", "--mode", mode, "--alias", "second", "--public");
    const list = await daemon.must("GET", "/1.0/images?recursion=1");
    assert.deepEqual(list.map(({ fingerprint }: { fingerprint: string }) => fingerprint).sort(), [fingerprints.unified, fingerprints.squashfs].sort());
    const two = list.find(({ fingerprint }: { fingerprint: string }) => fingerprint === fingerprints.squashfs);
    assert.equal(two.public, true);
    if (mode !== "relay") assert.equal(two.properties.note, "kept");
    await lxc("launch", mode === "push" ? `near:${fingerprints.squashfs}` : "near:second", "near:c1");
    assert.equal(await sh(daemon, "c1", "echo here"), "here");
    const tokens = [...Object.values((await daemon.must("GET", "/1.0/operations?recursion=1")) as object), ...Object.values((await other.must("GET", "/1.0/operations?recursion=1")) as object)].flat()
      .filter((operation) => operation.class === "token" && operation.status === "Running");
    assert.deepEqual(tokens, [], "no token is left");
  });
}

test("an instance is launched from another server's public image, which is kept, and from its alias again", async () => {
  await sourceIn("unified", "pub/one");
  await other.must("PATCH", `/1.0/images/${fingerprints.unified}`, { public: true });
  await lxc("launch", "far-public:pub/one", "near:c1");
  assert.equal(await sh(daemon, "c1", "cat /etc/hostname"), "c1");
  const [image] = await daemon.must("GET", "/1.0/images?recursion=1");
  assert.deepEqual([image.fingerprint, image.cached, image.public, image.auto_update, image.update_source.alias, image.update_source.protocol], [fingerprints.unified, true, false, true, "pub/one", "lxd"]);
  assert.notEqual(image.last_used_at, "0001-01-01T00:00:00Z");
  await lxc("launch", "far-public:pub/one", "near:c2");
  assert.deepEqual((await daemon.must("GET", "/1.0/instances")).length, 2);
});

test("strangers see public images only, and what they have a secret for, once", async () => {
  await sourceIn("unified", "open");
  await sourceIn("squashfs", "closed");
  await other.must("PATCH", `/1.0/images/${fingerprints.unified}`, { public: true });
  mkdirSync(`${work}/stranger`);
  const strange = (...args: string[]) => network.lxc(`${work}/stranger`, args);
  assert.equal((await strange("remote", "add", "far", "https://127.0.0.1:8444", "--accept-certificate", "--public")).code, 0);
  assert.equal((await strange("image", "list", "far:", "-c", "f", "-f", "csv")).stdout.trim(), fingerprints.unified.slice(0, 12));
  assert.match((await strange("image", "info", `far:${fingerprints.squashfs}`)).stderr, /Image not found/);
  assert.deepEqual((await stranger("/1.0/images")).json.metadata, [`/1.0/images/${fingerprints.unified}`]);
  assert.equal((await stranger("/1.0/images/aliases/open")).status, 200);
  const closed = `/1.0/images/${fingerprints.squashfs}`;
  for (const path of [closed, closed.slice(0, 30), `${closed}/export`, "/1.0/images/aliases/closed", `${closed}?secret=`, `${closed}/export?secret=${"0".repeat(64)}`]) {
    const { status, json } = await stranger(path);
    assert.deepEqual([status, json.error], [404, path.includes("alias") ? "Image alias not found" : "Image not found"], path);
  }
  assert.equal((await stranger("/1.0/images/aliases")).status, 403);
  for (const [method, path] of [["DELETE", closed], ["POST", `${closed}/secret`], ["POST", `${closed}/export`], ["POST", `${closed}/refresh`], ["PUT", closed], ["POST", "/1.0/images"]]) {
    assert.equal((await stranger(path ?? "", {}, method)).status, 403, `${method} ${path}`);
  }
  const { operation, metadata } = (await other.request("POST", `${closed}/secret`)).json;
  assert.deepEqual([metadata.class, metadata.resources.images], ["token", [closed]]);
  const { secret } = metadata.metadata;
  const looked = await stranger(`${closed}?secret=${secret}`);
  assert.equal(looked.json.metadata.fingerprint, fingerprints.squashfs);
  assert.equal((await stranger(`${closed}/export?secret=${secret}`)).status, 200);
  assert.equal((await stranger(`${closed}/export?secret=${secret}`)).status, 404);
  assert.equal((await stranger(`${closed}?secret=${secret}`)).status, 404);
  assert.equal((await other.request("GET", operation)).json.metadata.status, "Cancelled");
});

test("a stranger can send the one image that it has a token for, and wait for the end", async () => {
  const { metadata } = (await other.request("POST", "/1.0/images", { source: { mode: "push", fingerprint: fingerprints.split }, aliases: [{ name: "pushed" }], properties: { by: "push" }, public: true })).json;
  const { secret } = metadata.metadata;
  const upload = uploadOf(images.split);
  const send = (headers: Record<string, string>, body: Buffer = Buffer.from("x")) => stranger("/1.0/images", { ...upload.headers, ...headers }, "POST", body);
  assert.equal((await send({})).status, 403);
  assert.equal((await send({ "x-lxd-secret": "no", "x-lxd-fingerprint": fingerprints.split })).status, 403);
  assert.equal((await send({ "x-lxd-secret": secret, "x-lxd-fingerprint": fingerprints.unified })).status, 403);
  const { json } = await send({ "x-lxd-secret": secret, "x-lxd-fingerprint": fingerprints.split }, upload.body);
  assert.equal(json.type, "async", json.error);
  assert.equal((await stranger(`${json.operation}/wait?timeout=10&secret=nope`)).status, 403);
  const ended = await stranger(`${json.operation}/wait?timeout=10&secret=${json.metadata.metadata.secret}`);
  assert.deepEqual([ended.json.metadata.status, ended.json.metadata.err], ["Success", ""]);
  const image = await other.must("GET", `/1.0/images/${fingerprints.split}`);
  assert.deepEqual([image.public, image.properties, image.aliases[0].name], [true, { by: "push" }, "pushed"]);
  assert.equal((await send({ "x-lxd-secret": secret, "x-lxd-fingerprint": fingerprints.split })).status, 403);
});

test("a server with another certificate than the one that is known is not trusted", async () => {
  await sourceIn("unified", "one");
  await other.must("PATCH", `/1.0/images/${fingerprints.unified}`, { public: true });
  const source = { type: "image", mode: "pull", server: "https://127.0.0.1:8444", protocol: "lxd", fingerprint: "one" };
  await assert.rejects(daemon.must("POST", "/1.0/images", { source: { ...source, certificate: mirror.certificate } }), /has another certificate than the one it is known by/);
  await assert.rejects(daemon.must("POST", "/1.0/images", { source }), /Cannot reach https:\/\/127\.0\.0\.1:8444: .*certificate/);
  const { environment } = await other.must("GET", "/1.0");
  await assert.rejects(daemon.must("POST", "/1.0/images", { source: { ...source, fingerprint: "nothing", certificate: environment.certificate } }), /has no image "nothing"/);
  await assert.rejects(daemon.must("POST", "/1.0/images", { source: { ...source, protocol: "ftp" } }), /Unsupported protocol: ftp/);
  await assert.rejects(daemon.must("POST", "/1.0/images", { source: { type: "image", server: source.server } }), /must specify one of alias or fingerprint/);
});

/** Between the two servers, cutting off so many connections that bring more than some bytes. */
async function startRelay(bytes: number, times: number) {
  const [program, args] = daemon.namespace.wrap(process.execPath, [relayScript, "8444", String(bytes), String(times)]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], cwd: "/" });
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  await eventually(() => lines.length > 0);
  return { url: `https://127.0.0.1:${lines[0]}`, cuts: () => lines.length - 1, [Symbol.asyncDispose]: async () => void child.kill("SIGKILL") };
}

test("a download from another server that is cut off goes on, of split images and private ones too", async () => {
  const { environment } = await other.must("GET", "/1.0");
  for (const kind of ["unified", "split"] as const) {
    await sourceIn(kind, kind);
    await using relay = await startRelay(300_000, 2);
    const { metadata } = (await other.request("POST", `/1.0/images/${fingerprints[kind]}/secret`)).json;
    const source = { type: "image", mode: "pull", server: relay.url, protocol: "lxd", certificate: environment.certificate, fingerprint: fingerprints[kind], secret: metadata.metadata.secret };
    await daemon.must("POST", "/1.0/images", { source });
    assert.deepEqual([relay.cuts(), (await daemon.must("GET", `/1.0/images/${fingerprints[kind]}`)).fingerprint], [2, fingerprints[kind]]);
    assert.equal((await stranger(`/1.0/images/${fingerprints[kind]}/export?secret=${metadata.metadata.secret}`)).status, 404, "the secret is used up");
    await daemon.must("DELETE", `/1.0/images/${fingerprints[kind]}`);
  }
  await using relay = await startRelay(300_000, 100);
  await other.must("PATCH", `/1.0/images/${fingerprints.unified}`, { public: true });
  const source = { type: "image", mode: "pull", server: relay.url, protocol: "lxd", certificate: environment.certificate, alias: "unified" };
  await daemon.must("POST", "/1.0/instances", { name: "c1", source });
  assert.ok(relay.cuts() >= 2 && relay.cuts() < 10, String(relay.cuts()));
});

const rootPath = () => `/images/${createHash("sha256").update(readFileSync(images.squashfs[1] ?? "")).digest("hex").slice(0, 12)}.squashfs`;
const downloads = () => mirror.requests().filter((line) => line.startsWith(`GET ${rootPath()}`)).length;

test("instances are launched from a simplestreams server: at once by two, and one that was cut off goes on", async () => {
  mirror.list([{ names: "tiny,tiny/1", files: images.squashfs }]);
  mirror.misbehave({ [rootPath()]: { cut: 200_000, times: 1, slow: 5 } });
  mirror.forget();
  await Promise.all([lxc("launch", "streams:tiny", "near:c1"), lxc("launch", "streams:tiny/1", "near:c2")]);
  assert.deepEqual([await sh(daemon, "c1", "echo 1"), await sh(daemon, "c2", "echo 2")], ["1", "2"]);
  assert.equal(downloads(), 2, mirror.requests().join("\n"));
  assert.match(mirror.requests().filter((line) => line.includes(rootPath()))[1] ?? "", / bytes=\d+- /);
  assert.match(await lxc("image", "info", `near:${fingerprints.squashfs}`), /Cached: yes/);
  assert.equal((await daemon.must("GET", "/1.0/instances/c1")).config["image.os"], "Test");
});

test("an image of a simplestreams server is copied, refreshed, and told to be as new as can be", async () => {
  mirror.list([{ names: "tiny", files: images.squashfs }]);
  await lxc("image", "copy", "streams:tiny", "near:", "--alias", "mine", "--auto-update");
  const before = await daemon.must("GET", `/1.0/images/${fingerprints.squashfs}`);
  assert.deepEqual([before.auto_update, before.cached, before.aliases[0].name], [true, false, "mine"]);
  await lxc("init", "near:mine", "near:c1");
  assert.match((await run("image", "refresh", "near:mine")).stdout, /already up to date/);
  await execOk("sh", ["-c", 'mkdir "$0" && tar -xf "$1" -C "$0" && tar -czf "$0.tar.gz" -C "$0" .', `${work}/newer`, images.squashfs[0]]);
  const newer = [`${work}/newer.tar.gz`, images.squashfs[1] ?? ""] as const;
  mirror.list([{ names: "tiny", files: newer, serial: "20260202" }]);
  rmSync(`${daemon.dir}/cache`, { recursive: true, force: true });
  assert.match((await run("image", "refresh", "near:mine")).stdout, /refreshed successfully/);
  const [image, ...others] = await daemon.must("GET", "/1.0/images?recursion=1");
  assert.deepEqual([others, image.fingerprint, image.aliases[0].name, image.update_source.alias], [[], fingerprintOf(newer), "mine", "tiny"]);
  assert.deepEqual(readdirSync(`${daemon.dir}/storage-pools/default/images`).sort(), [fingerprintOf(newer), fingerprints.squashfs].sort(), "the pool has the newer one already, and the one that an instance needs");
  await lxc("start", "near:c1");
  await sourceIn("unified", "x");
  const uploaded = `/1.0/images/${fingerprints.unified}`;
  await assert.rejects(other.must("POST", `${uploaded}/refresh`), /nothing to refresh it from/);
});

test("a launch whose server lies or hangs fails with the reason, and leaves nothing", async () => {
  mirror.list([{ names: "tiny", files: images.squashfs }]);
  mirror.misbehave({ [rootPath()]: { instead: "/streams/v1/images.json" } });
  assert.match((await run("launch", "streams:tiny", "near:c1")).stderr, /Failed to download|Hash mismatch/);
  const source = { type: "image", server: mirror.url, protocol: "simplestreams", alias: "tiny" };
  mirror.misbehave({ [rootPath()]: { hang: "body" } });
  const { operation, metadata } = (await daemon.request("POST", "/1.0/instances", { source })).json;
  assert.match(metadata.resources.instances[0], /^\/1\.0\/instances\/[a-z-]+$/);
  await eventually(() => readdirSync(`${daemon.dir}/images`).length > 0);
  assert.equal((await daemon.request("DELETE", operation)).status, 200);
  await eventually(async () => (await daemon.request("GET", operation)).json.metadata.status === "Cancelled");
  await eventually(() => readdirSync(`${daemon.dir}/images`).length === 0);
  assert.deepEqual([await daemon.must("GET", "/1.0/images"), await daemon.must("GET", "/1.0/instances")], [[], []]);
});

test("a daemon that is killed during a download leaves nothing of it, and fetches it anew", async () => {
  mirror.list([{ names: "tiny", files: images.squashfs }]);
  mirror.misbehave({ [rootPath()]: { slow: 200, piece: 1000 } });
  await daemon.request("POST", "/1.0/instances", { name: "c1", source: { type: "image", server: mirror.url, protocol: "simplestreams", alias: "tiny" } });
  await eventually(() => readdirSync(`${daemon.dir}/images`).length > 0);
  await daemon.kill9();
  mirror.misbehave({});
  await daemon.start();
  assert.deepEqual([readdirSync(`${daemon.dir}/images`), await daemon.must("GET", "/1.0/instances")], [[], []]);
  await daemon.must("POST", "/1.0/instances", { name: "c1", source: { type: "image", server: mirror.url, protocol: "simplestreams", alias: "tiny" } });
});

test("parts of an image can be asked for, as of any web server", async () => {
  for (const kind of ["unified", "split"] as const) {
    await sourceIn(kind, kind);
    const path = `/1.0/images/${fingerprints[kind]}/export`;
    const whole = await network.call(undefined, "GET", "/1.0").then(() => other.request("GET", path));
    const size = Number(whole.headers["content-length"]);
    const head = await other.request("HEAD", path);
    assert.deepEqual([head.status, head.headers["content-length"], head.headers["accept-ranges"]], [200, String(size), "bytes"]);
    const part = async (range: string) => {
      const { status, headers } = await other.request("GET", path, undefined, { headers: { range } });
      return [status, headers["content-range"] ?? "", headers["content-length"]];
    };
    assert.deepEqual(await part("bytes=0-9"), [206, `bytes 0-9/${size}`, "10"]);
    assert.deepEqual(await part(`bytes=${size - 5}-`), [206, `bytes ${size - 5}-${size - 1}/${size}`, "5"]);
    assert.deepEqual(await part("bytes=-7"), [206, `bytes ${size - 7}-${size - 1}/${size}`, "7"]);
    assert.deepEqual(await part(`bytes=0-${size * 2}`), [206, `bytes 0-${size - 1}/${size}`, String(size)]);
    assert.deepEqual(await part(`bytes=${size}-`), [416, `bytes */${size}`, "0"]);
    for (const none of ["bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=-"]) assert.deepEqual((await part(none))[0], 200, none);
  }
});
