// The Debian package on bare Debian machines, which are containers here: installed, upgraded, removed and purged by dpkg, under systemd.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { busyboxImages, nestingImage } from "../helpers/images.ts";
import { importImage, launch, sh } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const prefix = `pkg${process.pid}`;
const machines = { bookworm: `${prefix}-12`, trixie: `${prefix}-13` } as const;
let daemon: Daemon;

/** Builds the package of a version; resolves to its file. */
async function makePackage(version: string): Promise<string> {
  await execOk(process.execPath, [`${root}/snap/package/deb.mjs`, "--fast", `--version=${version}`], { timeout: 120_000 });
  const file = `${root}/dist/berth_${version}_${process.arch === "arm64" ? "arm64" : "amd64"}.deb`;
  assert.ok(existsSync(file));
  return file;
}

async function push(machine: string, file: string, target: string): Promise<void> {
  await daemon.run("file", "push", file, `${machine}${target}`);
}

/** Runs a script that must fail; resolves to all that it said. */
async function refused(machine: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth("exec", machine, "--", "sh", "-c", script);
  assert.notEqual(code, 0, stdout);
  return stdout + stderr;
}

before(async () => {
  const [old, next] = [await makePackage("0.9.1"), await makePackage("0.9.2")];
  daemon = await startDaemon();
  for (const [suite, machine] of Object.entries(machines)) {
    await importImage(daemon, await nestingImage(suite === "trixie" ? "debian/13" : "debian/12"), suite);
    await launch(daemon, machine, { alias: suite, config: { "security.nesting": "true" } });
    const up = async () => (await daemon.berth("exec", machine, "--", "systemctl", "is-active", "basic.target")).code === 0;
    await eventually(up, { timeout: 60_000, what: `${machine} has booted` });
    await push(machine, old, "/root/old.deb");
    await push(machine, next, "/root/next.deb");
    const [metadata = "", rootfs = ""] = (await busyboxImages()).split;
    await push(machine, metadata, "/root/metadata.tar.xz");
    await push(machine, rootfs, "/root/rootfs.tar.zst");
  }
});
after(() => daemon?.[Symbol.asyncDispose]());

/** Prints processes that only Berth has. */
const remains = "pgrep -af '^.lxc monitor|^dnsmasq|^lxcfs.*/var/lib/berth' || true; ls -l /proc/[0-9]*/exe 2>/dev/null | grep /usr/lib/berth/ || true";
const install = (file: string) => `DEBIAN_FRONTEND=noninteractive dpkg -i /root/${file} 2>&1`;
const isActive = (unit: string) => `systemctl is-active ${unit}`;

for (const [suite, machine] of Object.entries(machines)) {
  test(`${suite}: installs, starts by itself, and launches a container`, async () => {
    await sh(daemon, machine, install("old.deb"));
    assert.equal(await sh(daemon, machine, isActive("berthd.socket berthd.service berth-instances.service")), "active\nactive\nactive");
    assert.match(await sh(daemon, machine, "stat -c '%U %G %a' /var/lib/berth/unix.socket"), /^root berth 660$/);
    assert.match(await sh(daemon, machine, "grep -c '^root:' /etc/subuid /etc/subgid"), /subuid:1\n.*subgid:1/);
    await sh(daemon, machine, "berth admin init --auto && berth image import /root/metadata.tar.xz /root/rootfs.tar.zst --alias busybox && berth launch busybox c1");
    assert.match(await sh(daemon, machine, "berth list -f csv -c ns"), /^c1,RUNNING$/);
    assert.equal(await sh(daemon, machine, "berth exec c1 -- echo inside"), "inside");
    assert.match(await sh(daemon, machine, "man -w berth.1 2>/dev/null || ls /usr/share/man/man1/berth.1.gz"), /berth\.1\.gz/);
    assert.match(await sh(daemon, machine, "cat /usr/share/bash-completion/completions/berth"), /complete .*berth/);
  });

  test(`${suite}: an upgrade in the middle of a launch starts the daemon anew, and only it; the launch is finished`, async () => {
    const pids = () => sh(daemon, machine, "systemctl show -p MainPID --value berthd; berth query /1.0/instances/c1/state | tr ',' '\\n' | grep '\"pid\"'");
    const [daemonBefore, initBefore] = (await pids()).split("\n");
    // The image is unpacked once more, into a pool that has not seen it, and that waits until the daemon is asked to end.
    const slow = "#!/bin/sh\\n: > /run/unpacking\\nwhile [ -e /run/held ]; do sleep 0.1; done\\nexec /usr/bin/zstd \"$@\"\\n";
    await sh(daemon, machine, `: > /run/held; printf '${slow}' > /usr/local/bin/zstd; chmod 755 /usr/local/bin/zstd; berth storage create other dir`);
    const launched = daemon.berth("exec", machine, "--", "berth", "launch", "busybox", "c2", "-s", "other");
    await sh(daemon, machine, "until [ -e /run/unpacking ]; do sleep 0.1; done");
    const installed = sh(daemon, machine, install("next.deb"));
    await sh(daemon, machine, "until systemctl show -p SubState berthd | grep -q stop-sigterm; do sleep 0.1; done; rm /run/held /usr/local/bin/zstd");
    await installed;
    const { code, stderr } = await launched;
    assert.equal(code, 0, stderr);
    const [daemonAfter, initAfter] = (await pids()).split("\n");
    assert.notEqual(daemonAfter, daemonBefore);
    assert.equal(initAfter, initBefore);
    assert.equal(await sh(daemon, machine, "dpkg-query -W -f='${Version}' berth"), "0.9.2");
    assert.equal(await sh(daemon, machine, "berth exec c1 -- echo still && berth exec c2 -- echo whole"), "still\nwhole");
    await sh(daemon, machine, "berth delete -f c2 && berth storage delete other");
  });
}

test("the client is one program that needs no Node, and finds what belongs to it", async () => {
  const machine = machines.bookworm;
  assert.equal(await sh(daemon, machine, "head -c 4 /usr/bin/berth | tail -c 3; ls /usr/lib/berth | grep -c 'berth-client\\|berth-tui' || true"), "ELF0");
  assert.match(await refused(machine, "berth image build no/such/recipe"), /no\/such\/recipe.*\n*.*debian\/12\/cloud/s);
  await sh(daemon, machine, "berth file push -r -q /etc/apt c1/root/ && berth file pull -r -q c1/root/apt /tmp && diff -r /etc/apt /tmp/apt");
  const completed = "COMP_WORDS=(berth stop c) COMP_CWORD=2; _berth; echo ${COMPREPLY[*]}";
  assert.equal(await sh(daemon, machine, `bash -c '. /usr/share/bash-completion/completions/berth; ${completed}'`), "c1");
  // script gives each of them a terminal. Of the end of its own input it types a character: this one's never ends.
  assert.match(await sh(daemon, machine, "mkfifo /tmp/quiet; script -qec 'berth exec c1 -- sh -c \"test -t 0 && test -t 1 && echo terminal\"' /dev/null 0<> /tmp/quiet"), /^terminal\b/);
  const view = await sh(daemon, machine, "(sleep 3; printf q) | script -qec 'stty rows 24 cols 80; berth tui; echo left $?' /dev/null");
  assert.match(view, /Instances \(1\)/);
  assert.match(view, /left 0/);
});

test("the units are what systemd expects", async () => {
  const complaints = await sh(daemon, machines.trixie, "systemd-analyze verify /usr/lib/systemd/system/berthd.service /usr/lib/systemd/system/berthd.socket /usr/lib/systemd/system/berth-instances.service 2>&1 | grep -i berth | grep -v \"'man berth\" || true");
  assert.equal(complaints, "");
});

test("an older package is refused before anything is changed when it could not read the database", async () => {
  const machine = machines.bookworm;
  await sh(daemon, machine, "systemctl stop berthd.socket berthd.service");
  const script = "const D=require('/usr/lib/berth/node_modules/better-sqlite3');const d=new D('/var/lib/berth/database/berth.db');const v=d.pragma('user_version',{simple:true});d.pragma('user_version='+(process.argv[1]==='up'?v+1:v-1));d.pragma('wal_checkpoint(TRUNCATE)');d.close()";
  const bump = (how: string) => sh(daemon, machine, `/usr/lib/berth/node -e "${script}" ${how}`);
  await bump("up");
  try {
    assert.match(await refused(machine, install("old.deb")), /knows versions up to \d+: a newer Berth has written it/);
    assert.equal(await sh(daemon, machine, "dpkg-query -W -f='${Version} ${Status}' berth"), "0.9.2 install ok installed");
    const { stdout, stderr } = await daemon.berth("exec", machine, "--", "timeout", "20", "berthd");
    assert.match(stdout + stderr, /a newer Berth has written it/);
  } finally {
    await bump("down");
  }
  await sh(daemon, machine, "systemctl start berthd.socket berthd.service");
  assert.equal(await sh(daemon, machine, "berth exec c1 -- echo unharmed"), "unharmed");
});

test("removing it stops the instances and leaves nothing running, but keeps them", async () => {
  const machine = machines.bookworm;
  await sh(daemon, machine, "dpkg -r berth 2>&1");
  assert.equal(await sh(daemon, machine, "ls /sys/class/net | grep -c berthbr || true"), "0");
  assert.equal(await sh(daemon, machine, remains), "");
  assert.equal(await sh(daemon, machine, "grep -c ' /var/lib/berth' /proc/self/mountinfo || true"), "0");
  assert.equal(await sh(daemon, machine, "nft list tables | grep -c berth || true"), "0");
  await sh(daemon, machine, install("next.deb"));
  await eventually(async () => (await daemon.berth("exec", machine, "--", "berth", "exec", "c1", "--", "true")).code === 0, { timeout: 30_000, what: "c1 runs again" });
});

test("a half-removed package is installed over", async () => {
  const machine = machines.bookworm;
  await sh(daemon, machine, "rm /usr/bin/berthd /usr/lib/berth/berthd");
  await sh(daemon, machine, "dpkg -r berth 2>&1; true");
  await sh(daemon, machine, install("next.deb"));
  assert.equal(await sh(daemon, machine, isActive("berthd")), "active");
});

test("purging it leaves nothing behind", async () => {
  const machine = machines.bookworm;
  await sh(daemon, machine, "dpkg -P berth 2>&1");
  assert.equal(await sh(daemon, machine, "ls -d /var/lib/berth /usr/lib/berth /etc/systemd/system/*/berth* 2>/dev/null; getent group berth; true"), "");
  assert.equal(await sh(daemon, machine, remains), "");
});
