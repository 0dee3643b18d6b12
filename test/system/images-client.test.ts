// The client's image commands against real servers: trees of images that the stock client uses, copies, published instances.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec, execOk, type Result } from "../helpers/exec.ts";
import { makeFolder } from "../helpers/folder.ts";
import { busyboxImages, fingerprintOf, type ImageFiles } from "../helpers/images.ts";
import { importImage } from "../helpers/instances.ts";
import { makeIdentity } from "../helpers/network.ts";
import { eventually } from "../helpers/wait.ts";

const folder = makeFolder();
const [cert, key] = [join(folder, "crt"), join(folder, "key")];
const tree = join(folder, "tree");
const lxcConf = join(folder, "lxc");

let daemon: Daemon;
let other: Daemon;
let site: ChildProcess;
let url: string;
let images: { unified: ImageFiles; split: ImageFiles; squashfs: ImageFiles };

/** The two clients where the site can be reached: in the daemon's network. */
const inside = (program: string, args: readonly string[]): Promise<Result> => {
  const [command, wrapped] = daemon.namespace.wrap(program, args);
  return exec(command, wrapped, { env: { BERTH_DIR: daemon.dir, BERTH_CONF: join(folder, "conf"), LXD_DIR: daemon.dir, LXD_CONF: lxcConf, LXD_SOCKET: "", NODE_EXTRA_CA_CERTS: cert, SSL_CERT_FILE: cert } });
};

async function ok(result: Promise<Result>): Promise<string> {
  const { stdout, stderr, code } = await result;
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log(10)}`);
  return stdout;
}

const lxc = (...args: string[]) => ok(inside("lxc", args));
const berth = (...args: string[]) => ok(inside(berthPath, args));
const refuses = async (message: RegExp, ...args: string[]) => {
  const { stderr, code } = await inside(berthPath, args);
  assert.equal(code, 1);
  assert.match(stderr, message);
};

/** Serves the tree in the daemon's network; its certificate is what the clients and the daemon trust. */
async function openSite(): Promise<void> {
  const identity = makeIdentity("127.0.0.1");
  writeFileSync(cert, identity.cert);
  writeFileSync(key, identity.key);
  daemon = await startDaemon({ env: { NODE_EXTRA_CA_CERTS: cert } });
  images = await busyboxImages();
  await importImage(daemon, images.squashfs, "busybox");
  await berth("image", "serve-tree", tree, "busybox", `tiny=${images.unified[0]}`);
  const [command, args] = daemon.namespace.wrap(berthPath, ["image", "serve-tree", tree, "--listen", "127.0.0.1:0", "--certificate", cert, "--key", key]);
  site = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, BERTH_DIR: daemon.dir, BERTH_CONF: join(folder, "conf") } });
  let said = "";
  site.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  url = await eventually(() => /^Serving .* at (https:\/\/127\.0\.0\.1:\d+)$/m.exec(said)?.[1], { what: "the tree is served" });
}

before(async () => {
  mkdirSync(lxcConf);
  writeFileSync(join(lxcConf, "config.yml"), "default-remote: local\nremotes:\n  local:\n    addr: unix://\n    public: false\n");
  await openSite();
  other = await startDaemon({ init: false });
  await lxc("remote", "add", "site", url, "--protocol", "simplestreams");
  await berth("remote", "add", "site", url, "--protocol", "simplestreams");
  await berth("remote", "add", "other", `unix://${other.socket}`);
});
after(async () => {
  site?.kill();
  await daemon?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
  await execOk("rm", ["-rf", folder]);
});

test("the stock client uses a tree as it does any image server", async () => {
  const [squashfs, unified] = [fingerprintOf(images.squashfs), fingerprintOf(images.unified)];
  assert.deepEqual((await lxc("image", "list", "site:", "-f", "csv", "-c", "LFpt")).trim().split("\n").sort(), [
    `"busybox\nbusybox/amd64",${squashfs},yes,CONTAINER`, `"tiny\ntiny/amd64",${unified},yes,CONTAINER`,
  ].join("\n").split("\n").sort());
  const out = join(folder, "exported");
  mkdirSync(out);
  await lxc("image", "export", "site:busybox", out);
  const [meta = "", root = ""] = readdirSync(out).sort((a, b) => Number(a.includes("squashfs")) - Number(b.includes("squashfs")));
  assert.equal(fingerprintOf([join(out, meta), join(out, root)]), squashfs);
  await berth("image", "delete", "busybox");
  await lxc("launch", "site:busybox", "c1");
  assert.equal((await ok(inside("lxc", ["exec", "c1", "--", "cat", "/usr/share/berth/readme"]))).trim(), "The small image of Berth's tests.");
  await lxc("image", "copy", "site:tiny", "local:", "--copy-aliases");
  assert.match(await lxc("image", "list", "-f", "csv", "-c", "lF"), new RegExp(`^tiny( \\(1 more\\))?,${unified}$`, "m"));
  await lxc("image", "delete", "tiny");
});

test("Berth's client shows, launches and copies what a tree has", async () => {
  const squashfs = fingerprintOf(images.squashfs);
  assert.match(await berth("image", "list", "site:", "busybox", "-f", "csv", "-c", "lF"), new RegExp(`^busybox \\(1 more\\),${squashfs}$`, "m"));
  assert.match(await berth("image", "info", "site:tiny"), new RegExp(`^Fingerprint: ${fingerprintOf(images.unified)}$`, "m"));
  assert.match(await berth("image", "alias", "list", "site:", "-f", "csv"), /^busybox,\w{12},CONTAINER,$/m);
  await refuses(/The requested image couldn't be found: gone/, "image", "info", "site:gone");
  await refuses(/server of another protocol/, "image", "export", "site:tiny", folder);
  await berth("image", "copy", "site:tiny", "local:", "--alias", "here", "--copy-aliases", "--auto-update");
  const image = await daemon.must("GET", `/1.0/images/${fingerprintOf(images.unified)}`);
  assert.deepEqual([image.aliases.map((alias: { name: string }) => alias.name).sort(), image.auto_update, image.update_source?.protocol], [["here", "tiny", "tiny/amd64"], true, "simplestreams"]);
  assert.match(await berth("image", "refresh", "here"), /Image already up to date\./);
});

test("a tree is brought up to date: names move, old versions and their files go", async () => {
  const newer = join(folder, "newer");
  const recipe = join(folder, "newer.yaml");
  const build = async (day: string) => {
    writeFileSync(recipe, `source: {type: busybox}\nfiles: [{path: /day, content: "${day}"}]\nmetadata: {created: ${day}, properties: {os: busybox, release: test}}\n`);
    await berth("image", "build", recipe, "--output", newer);
    return fingerprintOf([join(newer, "metadata.tar.xz"), join(newer, "rootfs.squashfs")]);
  };
  for (const day of ["2024-05-01", "2024-05-02"]) {
    await build(day);
    await berth("image", "serve-tree", tree, `tiny=${newer}`);
  }
  const last = await build("2024-05-03");
  await berth("image", "serve-tree", tree, `tiny=${newer}`, "--keep", "1");
  const { products } = JSON.parse(readFileSync(join(tree, "streams/v1/images.json"), "utf8"));
  assert.deepEqual(Object.keys(products), ["busybox:amd64", "tiny:amd64"]);
  assert.deepEqual(Object.keys(products["tiny:amd64"].versions), ["20240503_00:00"]);
  assert.match(await lxc("image", "info", "site:tiny"), new RegExp(`^Fingerprint: ${last}$`, "m"));
  assert.equal(readdirSync(join(tree, "images")).length, 4);
  assert.deepEqual(readdirSync(tree).sort(), ["images", "streams"]);
  await refuses(/Image is not usable/, "image", "serve-tree", tree, `bad=${recipe}`);
  await refuses(/may hold neither commas nor spaces/, "image", "serve-tree", tree, `a,b=${newer}`);
  await berth("image", "delete", "here");
});

test("prune shows what images take and removes those that were fetched in passing, once nobody needs them", async () => {
  await importImage(daemon, images.split, "kept");
  const [cached, kept] = [fingerprintOf(images.squashfs).slice(0, 12), fingerprintOf(images.split).slice(0, 12)];
  const used = await berth("image", "prune", "--yes");
  assert.match(used, new RegExp(`\\| ${cached} \\| +\\| 1\\.\\d+MB +\\| +YES +\\| 1 +\\| \\d{4}/\\S+ \\S+ UTC \\| default +\\| KEEP`));
  assert.match(used, /There is no cached image that nothing uses/);
  await lxc("delete", "-f", "c1");
  assert.match(await berth("image", "prune", "--dry-run"), /^1 image would be removed/m);
  const { code, stderr } = await exec(berthPath, ["image", "prune"], { env: { BERTH_DIR: daemon.dir, BERTH_CONF: join(folder, "conf") }, input: "no\n" });
  assert.deepEqual([code, stderr], [1, "Error: Nothing was removed\n"]);
  assert.match(await berth("image", "prune", "--yes"), /^1 image removed/m);
  assert.ok(!existsSync(`${daemon.dir}/storage-pools/default/images/${fingerprintOf(images.squashfs)}`));
  assert.match(await berth("image", "list", "-f", "csv", "-c", "lf"), new RegExp(`^kept,${kept}$`, "m"));
  assert.match(await berth("image", "prune", "--all", "--dry-run"), new RegExp(`${kept}.*REMOVE`));
});

test("images go from server to server through the client when neither reaches the other", async () => {
  const fingerprint = fingerprintOf(images.split);
  await berth("image", "set-property", "kept", "note", "a=b c");
  assert.equal(await berth("image", "get-property", "kept", "note"), "a=b c\n");
  await berth("image", "copy", "kept", "other:", "--copy-aliases", "--alias", "more", "--public");
  const image = await other.must("GET", `/1.0/images/${fingerprint}`);
  assert.deepEqual([image.public, image.properties.note, image.aliases.map((alias: { name: string }) => alias.name).sort()], [true, "a=b c", ["kept", "more"]]);
  await berth("image", "unset-property", "other:kept", "note");
  await refuses(/Property not found/, "image", "get-property", "other:kept", "note");
  await refuses(/Image with same fingerprint already exists/, "image", "copy", "kept", "other:");
  await refuses(/The image is there already/, "image", "copy", "kept", "local:");
  await refuses(/Can't provide a name/, "image", "copy", "kept", "other:name");
  await refuses(/There is no mode "beam"/, "image", "copy", "kept", "other:", "--mode", "beam");
  await refuses(/there is nothing to refresh it from/, "image", "refresh", "kept");
});

test("instances and snapshots are published", async () => {
  await berth("launch", "kept", "c2");
  await berth("exec", "c2", "--", "sh", "-c", "echo mine > /home/a");
  await refuses(/currently running\. Use --force/, "publish", "c2");
  assert.match(await berth("publish", "c2", "--force", "--alias", "mine", "--public", "--compression", "zstd", "--expire", "2030-01-02T00:00:00Z", "note=x=y"), /^Instance published with fingerprint: [0-9a-f]{64}$/m);
  const { status } = await daemon.must("GET", "/1.0/instances/c2");
  const target = (await daemon.must("GET", "/1.0/images/aliases/mine")).target;
  const image = await daemon.must("GET", `/1.0/images/${target}`);
  assert.deepEqual([status, image.public, image.properties, image.expires_at.slice(0, 10)], ["Running", true, { note: "x=y" }, "2030-01-02"]);
  const again = (...flags: string[]) => berth("publish", "c2", "--force", "--alias", "mine", "--compression", "none", ...flags);
  await again();
  assert.equal((await daemon.request("GET", `/1.0/images/${target}`)).status, 200, "without --reuse it stays");
  const second = (await daemon.must("GET", "/1.0/images/aliases/mine")).target;
  await again("--reuse", "note=again");
  assert.equal((await daemon.request("GET", `/1.0/images/${second}`)).status, 404, "with --reuse it goes with its last name");
  await berth("snapshot", "c2", "s0");
  await berth("publish", "c2/s0", "other:", "--alias", "moved");
  const moved = await other.must("GET", `/1.0/images/${(await other.must("GET", "/1.0/images/aliases/moved")).target}`);
  assert.equal(moved.properties.os, "busybox");
  assert.equal((await daemon.request("GET", `/1.0/images/${moved.fingerprint}`)).status, 404);
  await berth("launch", "mine", "c3");
  assert.equal(await berth("exec", "c3", "--", "cat", "/home/a"), "mine\n");
  await berth("delete", "--force", "c2", "c3");
});

test("a root file system by itself, a directory and a recipe's image are imported", async () => {
  const root = join(folder, "root");
  await execOk("unsquashfs", ["-q", "-n", "-d", root, images.squashfs[1] ?? ""]);
  writeFileSync(join(root, "etc/os-release"), 'ID=tiny\nVERSION_ID="7"\nPRETTY_NAME="Tiny 7"\n');
  await berth("image", "import", root, "--alias", "bare", "note=made");
  const { properties } = await daemon.must("GET", `/1.0/images/${(await daemon.must("GET", "/1.0/images/aliases/bare")).target}`);
  assert.deepEqual([properties.os, properties.release, properties.note], ["tiny", "7", "made"]);
  await berth("launch", "bare", "c4");
  await berth("delete", "--force", "c4");
  const recipe = join(folder, "more.yaml");
  writeFileSync(recipe, "source: {type: image, image: bare}\nfiles: [{path: /more, content: more}]\nmetadata: {created: 2024-01-01, properties: {variant: more}}\n");
  await berth("image", "build", recipe, "--alias", "more");
  const built = await daemon.must("GET", `/1.0/images/${(await daemon.must("GET", "/1.0/images/aliases/more")).target}`);
  assert.deepEqual([built.properties.os, built.properties.variant, built.created_at.slice(0, 10)], ["tiny", "more", "2024-01-01"]);
  await berth("launch", "more", "c5");
  assert.equal(await berth("exec", "c5", "--", "cat", "/more"), "more");
  await berth("delete", "--force", "c5");
  writeFileSync(recipe, "source: {type: image, image: gone}\n");
  await refuses(/Image not found/, "image", "build", recipe);
  await refuses(/Only https:\/\/ is supported/, "image", "import", "http://127.0.0.1/x");
  await refuses(/Cannot reach https:\/\/127\.0\.0\.1:1|127\.0\.0\.1:1/, "image", "import", "https://127.0.0.1:1/x");
  await berth("image", "delete", "bare", "more");
});
