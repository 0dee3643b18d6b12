// The snap: packed with Debian's tools, and whole.
import assert from "node:assert/strict";
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "js-yaml";
import { exec, execOk } from "../helpers/exec.ts";
import { makeFolder } from "../helpers/folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const version = "0.9.3";
const folder = makeFolder();
const tree = `${folder}/tree`;

interface Metadata {
  name: string;
  version: string;
  base: string;
  apps: Record<string, { command: string; completer?: string; daemon?: string; "stop-mode"?: string }>;
}

let metadata: Metadata;

before(async () => {
  await execOk(process.execPath, [`${root}/snap/package/snap.mjs`, "--fast", `--version=${version}`], { timeout: 180_000 });
  const file = `${root}/dist/berth_${version}_${process.arch === "arm64" ? "arm64" : "amd64"}.snap`;
  await execOk("unsquashfs", ["-q", "-n", "-no-xattrs", "-d", tree, file], { timeout: 60_000 });
  rmSync(file);
  metadata = load(readFileSync(`${tree}/meta/snap.yaml`, "utf8")) as Metadata;
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("says what it is, and everything that it names is there and can be run", () => {
  assert.deepEqual([metadata.name, metadata.version, metadata.base], ["berth", version, "core22"]);
  for (const { command, completer } of Object.values(metadata.apps)) {
    accessSync(`${tree}/${command}`, constants.X_OK);
    if (completer) accessSync(`${tree}/${completer}`);
  }
  for (const hook of readdirSync(`${tree}/meta/hooks`)) accessSync(`${tree}/meta/hooks/${hook}`, constants.X_OK);
  assert.ok(existsSync(`${tree}/lib/berth/recipes/debian/12.yaml`));
});

test("a refresh ends the daemon alone, whose data lies outside of the tree", () => {
  assert.equal(metadata.apps["daemon"]?.["stop-mode"], "sigterm"); // for snapd: the main process, nothing else
  assert.match(readFileSync(`${tree}/lib/berth/snap-daemon`, "utf8"), /BERTH_DIR="\$SNAP_COMMON/);
});

test("its programs run with the Node that it brings, and the client with none", async () => {
  const [node, client] = [`${tree}/lib/berth/node`, `${tree}/lib/berth/berth`];
  assert.match((await exec(node, [`${tree}/lib/berth/berthd`, "--version"])).stdout, /^\d+\.\d+/);
  const help = await exec(client, ["--help"], { env: { PATH: "" } });
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /launch/);
  for (const program of ["berthd", "berth-sftp", "berth-images"]) {
    assert.match(readFileSync(`${tree}/lib/berth/${program}`, "utf8").split("\n")[0] ?? "", / \/snap\/berth\/current\/lib\/berth\/node/, program);
  }
});

test("without Bun it says what to do, and what it says works", async () => {
  const pack = (...args: string[]) => exec(process.execPath, [`${root}/snap/package/snap.mjs`, `--stage=${folder}/other`, ...args], { env: { BUN: "/nonexistent/bun" }, timeout: 60_000 });
  const { code, stderr } = await pack();
  assert.equal(code, 1);
  assert.match(stderr, /native client cannot be made: \/nonexistent\/bun was not found\n +what to do: .*--client=node/);
  assert.deepEqual([(await pack("--client=node")).code, existsSync(`${folder}/other/lib/berth/berth-client.js`)], [0, true]);
});
