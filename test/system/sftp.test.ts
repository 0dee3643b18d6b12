// SFTP on instances: trees pushed and pulled as one stream, `file mount` by both clients and for OpenSSH's sftp, a guest that
// sets traps, sessions that end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, booted, create, forceStop, importImage, launch, remove, sh } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const [up, off] = [`sftp${process.pid}-1`, `sftp${process.pid}-2`];
let daemon: Daemon;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(`${dirname(daemon.dir)}/sftp-`);
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, up);
  await booted(daemon, up);
  await create(daemon, off);
});
after(() => daemon?.[Symbol.asyncDispose]());

function makeTree(path: string): void {
  mkdirSync(`${path}/sub/empty`, { recursive: true });
  for (let i = 0; i < 300; i++) writeFileSync(`${path}/sub/f${i}`, `file ${i}\n`);
  writeFileSync(`${path}/big`, Buffer.alloc(3_000_001, "berth "));
  writeFileSync(`${path}/none`, "");
  writeFileSync(`${path}/ü ä`, "umlauts");
  chmodSync(`${path}/sub/f1`, 0o751);
  chmodSync(`${path}/sub/empty`, 0o711);
  symlinkSync("../etc/hosts", `${path}/link`);
}

for (const name of [up, off]) {
  test(`a tree goes there and back as it is (${name === up ? "running" : "stopped"})`, async () => {
    const tree = `${folder}/tree-${name}`;
    makeTree(tree);
    for (let i = 0; i < 2; i++) await daemon.run("file", "push", "-r", tree, `${name}/root/`); // the second finds all of it there
    await daemon.run("file", "pull", "-r", `${name}/root/tree-${name}`, `${folder}/back-${name}`);
    const back = `${folder}/back-${name}/tree-${name}`;
    const { code, stdout } = await exec("diff", ["-r", "--no-dereference", tree, back]);
    assert.equal(code, 0, stdout);
    assert.deepEqual([statSync(`${back}/sub/f1`).mode & 0o777, statSync(`${back}/sub/empty`).mode & 0o777, readlinkSync(`${back}/link`)], [0o751, 0o711, "../etc/hosts"]);
  });
}

test("what is in the way of a tree is named, and stays", async () => {
  makeTree(`${folder}/way`);
  await sh(daemon, up, "mkdir -p /root/way && echo mine > /root/way/sub");
  const { code, stderr } = await daemon.berth("file", "push", "-r", `${folder}/way`, `${up}/root/`);
  assert.notEqual(code, 0);
  assert.match(stderr, /\/root\/way\/sub/);
  assert.equal((await sh(daemon, up, "cat /root/way/sub")).trim(), "mine");
  mkdirSync(`${folder}/into/way/link`, { recursive: true });
  writeFileSync(`${folder}/outside`, "safe");
  symlinkSync(`${folder}/outside`, `${folder}/into/way/big`);
  await sh(daemon, up, "echo evil > /root/way/big");
  assert.match((await daemon.berth("file", "pull", "-r", `${up}/root/way`, `${folder}/into`)).stderr, /in the way/);
  assert.equal(readFileSync(`${folder}/outside`, "utf8"), "safe");
});

/** Mounts an instance's folder with a client, looks, and unmounts. */
async function whileMounted(client: "berth" | "lxc", what: string, look: (target: string) => Promise<void> | void): Promise<void> {
  const target = `${folder}/mount-${client}`;
  mkdirSync(target, { recursive: true });
  const env = { ...process.env, BERTH_DIR: daemon.dir, LXD_DIR: daemon.dir, LXD_CONF: `${folder}/lxc` };
  const mounting = spawn(client === "berth" ? berthPath : "lxc", ["file", "mount", what, target], { env, stdio: "ignore" });
  try {
    await eventually(() => lstatSync(target).dev !== lstatSync(folder).dev, { what: `${client} mounts ${what}` });
    await look(target);
  } finally {
    await exec("umount", [target]);
    mounting.kill("SIGINT");
    await eventually(() => mounting.exitCode !== null || mounting.signalCode !== null, { what: "the client ends" });
  }
}

for (const client of ["berth", "lxc"] as const) {
  test(`${client} file mount shows and changes the guest's files`, async () => {
    await whileMounted(client, `${up}/root`, async (target) => {
      writeFileSync(`${target}/${client}`, "one");
      writeFileSync(`${target}/${client}`, " two", { flag: "a" });
      assert.equal((await sh(daemon, up, `cat /root/${client}`)).trim(), "one two");
      await sh(daemon, up, `mkdir -p /root/d-${client} && ln -sf ../etc/x /root/d-${client}/l && chown 12:34 /root/${client}`);
      assert.deepEqual([readdirSync(`${target}/d-${client}`), lstatSync(`${target}/d-${client}/l`).isSymbolicLink()], [["l"], true]);
      assert.deepEqual([statSync(`${target}/${client}`).uid, statSync(`${target}/${client}`).gid, statSync(`${target}/${client}`).size], [12, 34, 7]);
      mkdirSync(`${target}/new/sub`, { recursive: true });
      writeFileSync(`${target}/new/a`, "a");
      await exec("mv", [`${target}/new/a`, `${target}/${client}`]); // over what is there
      assert.equal(readFileSync(`${target}/${client}`, "utf8"), "a");
      rmSync(`${target}/new`, { recursive: true });
      assert.equal((await sh(daemon, up, "ls /root/new 2>&1 || true")).includes("No such"), true);
    });
  });
}

test("OpenSSH's sftp gets in through a listener, with the password it tells and with none", async () => {
  const args = (more: string[]) => ["file", "mount", off, "--listen", "127.0.0.1:0", ...more];
  const serving = spawn(berthPath, args(["--no-auth"]), { env: { ...process.env, BERTH_DIR: daemon.dir }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    let said = "";
    serving.stdout.on("data", (data) => {
      said += data;
    });
    const port = await eventually(() => /listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1], { what: "the listener tells its port" });
    writeFileSync(`${folder}/up`, "by sftp");
    writeFileSync(`${folder}/batch`, `put ${folder}/up /root/up\nchmod 600 /root/up\nls -l /root\nget /root/up ${folder}/down\nrename /root/up /root/renamed\nmkdir /root/m\nrmdir /root/m\n`);
    const options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-P", port, "-b", `${folder}/batch`];
    const { code, stderr, stdout } = await exec("sftp", [...options, "x@127.0.0.1"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /-rw------- .* up/);
    assert.equal(readFileSync(`${folder}/down`, "utf8"), "by sftp");
    assert.equal(await daemon.run("file", "pull", `${off}/root/renamed`, "-"), "by sftp");
  } finally {
    serving.kill();
  }
  const { stderr } = await daemon.berth("file", "mount", off, "--listen", "nonsense");
  assert.match(stderr, /Invalid address "nonsense"/);
});

test("links lead nowhere but into the guest, and its devices and /proc stay closed", async () => {
  await sh(daemon, up, "ln -sfn / /root/top; ln -sfn ../../../../../../.. /root/dots; mkfifo /root/fifo; ln -sfn /proc /root/kernel");
  await whileMounted("berth", `${up}/root`, (target) => {
    assert.throws(() => writeFileSync(`${target}/kernel/sys/kernel/core_pattern`, "|/evil"));
    assert.equal(lstatSync(`${target}/fifo`).isFIFO(), true);
  });
  writeFileSync(`${folder}/passwd`, "from outside");
  mkdirSync(`${folder}/etc`, { recursive: true });
  writeFileSync(`${folder}/etc/berth-mark`, "mark");
  await daemon.run("file", "push", "-r", `${folder}/etc`, `${up}/root/dots`);
  assert.equal((await sh(daemon, up, "cat /etc/berth-mark")).trim(), "mark");
  assert.equal(existsSync("/etc/berth-mark"), false);
});

test("a session ends with its guest, and the daemon's restart leaves it alone", async () => {
  await whileMounted("berth", `${off}/root`, async (target) => {
    writeFileSync(`${target}/before`, "1");
    await daemon.restart();
    writeFileSync(`${target}/after`, "2");
    assert.equal(await daemon.run("file", "pull", `${off}/root/after`, "-"), "2");
  });
  await whileMounted("berth", `${up}/root`, async (target) => {
    writeFileSync(`${target}/last`, "1");
    await forceStop(daemon, up);
    await eventually(() => {
      try {
        return lstatSync(target).dev === lstatSync(folder).dev;
      } catch {
        return true; // a mount whose server has gone
      }
    }, { what: "the session ends" });
  });
  await act(daemon, up, "start");
  await remove(daemon, off);
  assert.match((await daemon.berth("file", "mount", off, folder)).stderr, /Instance not found/);
});
