// Containers in containers: another engine's, and berthd's own in a guest of berthd.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { shell } from "../helpers/guests.ts";
import { busyboxImages, nestingImage } from "../helpers/images.ts";
import { importImage, launch, sh } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `nest${process.pid}`;
const [outer, plain] = [`${prefix}-outer`, `${prefix}-plain`];
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, await nestingImage(), "debian");
  await launch(daemon, outer, { alias: "debian", config: { "security.nesting": "true" } });
  await launch(daemon, plain, { alias: "debian" });
  // Units of Debian's lxc package take long, and nothing here needs them.
  const up = async () => (await daemon.berth("exec", outer, "--", "systemctl", "is-active", "basic.target")).code === 0;
  await eventually(up, { timeout: 30_000, what: "the outer guest has booted" });
});
after(() => daemon?.[Symbol.asyncDispose]());

/** Makes a bundle of busybox, as engines take it, and runs it. crun does not like a machine with controllers on both v1 and v2. */
const bundle = `set -e; mkdir -p /root/bundle/rootfs/bin /root/bundle/rootfs/proc /root/bundle/rootfs/dev /root/bundle/rootfs/sys; cd /root/bundle
cp /bin/busybox rootfs/bin/sh; rm -f config.json; crun spec
sed -i 's/"terminal": true/"terminal": false/; s|"sh"|"/bin/sh", "-c", "echo inside as $$; echo x > /proc/self/comm; read name < /proc/self/comm; echo $name"|' config.json
exec unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled run inner'`;

test("a container engine in a guest runs containers", async () => {
  assert.equal(await sh(daemon, outer, bundle), "inside as 1\nx");
});

test("only guests that may nest can give a user namespace of theirs a /proc of its own", async () => {
  const script = "unshare --user --map-root-user --pid --fork --mount-proc sh -c 'echo $$'";
  assert.equal(await sh(daemon, outer, script), "1");
  const refused = await daemon.berth("exec", plain, "--", "sh", "-c", script);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /mount \/proc failed: Operation not permitted/);
});

const inner = (...args: string[]) => daemon.berth("exec", outer, "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "--env", "BERTH_DIR=/var/lib/berth", "--", "/opt/berth/berth", ...args);

/** Runs the client in the outer guest; it must succeed. */
async function mustInner(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await inner(...args);
  assert.equal(code, 0, `berth ${args.join(" ")} in the guest: ${stderr}${stdout}\n${await sh(daemon, outer, "tail -20 /root/berthd.log; tail -20 /var/lib/berth/logs/*/lxc.log 2>/dev/null || true")}`);
  return stdout.trim();
}

async function startInner(): Promise<void> {
  await sh(daemon, outer, `systemctl reset-failed berthd 2>/dev/null; systemd-run -q --unit=berthd -p KillMode=process -p Delegate=yes -p StandardError=append:/root/berthd.log \
    -E PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -E BERTH_DIR=/var/lib/berth /opt/berth/berthd`);
  await eventually(async () => (await inner("query", "/1.0")).code === 0, { timeout: 20_000, what: "berthd answers in the guest" });
}

test("berthd runs in a guest of berthd: two kinds of image, network, exec, and its own restart", async () => {
  const dist = dirname(berthPath);
  const push = await shell(daemon, `tar -cf - --transform 's,^node$,usr/local/bin/node,;s,^\\./,opt/berth/,' -C ${dirname(process.execPath)} node -C ${dist} . | berth exec ${outer} -- tar -C / -xf -`);
  assert.equal(push.code, 0, push.stderr);
  const { unified, squashfs } = await busyboxImages();
  for (const [i, file] of [...unified, ...squashfs].entries()) await daemon.run("file", "push", file, `${outer}/root/image-${i}`);
  await startInner();

  await mustInner("admin", "init", "--auto");
  await mustInner("image", "import", "/root/image-0", "--alias", "tarball");
  await mustInner("image", "import", "/root/image-1", "/root/image-2", "--alias", "squashfs");
  await mustInner("launch", "tarball", "one");
  await mustInner("launch", "squashfs", "two", "-c", "security.idmap.isolated=true");
  for (const name of ["one", "two"]) {
    assert.equal((await inner("exec", name, "--", "true")).code, 0);
    assert.equal((await inner("exec", name, "--", "false")).code, 1);
    assert.equal(await mustInner("exec", name, "--", "sh", "-c", "echo x > /root/file; stat -c %u:%g /root/file /etc/shadow | xargs"), "0:0 0:0");
  }
  const maps = await Promise.all(["one", "two"].map(async (name) => (await mustInner("exec", name, "--", "cat", "/proc/self/uid_map")).trim().split(/\s+/).map(Number)));
  assert.ok(maps.every(([inside, from, count]) => inside === 0 && (from ?? 0) >= 65536 && (count ?? 0) >= 65536));
  assert.notEqual(maps[0]?.[1], maps[1]?.[1]);
  await eventually(async () => /\d+\.\d+\.\d+\.\d+/.test(await mustInner("list", "one", "--format", "csv", "-c", "4")), { timeout: 20_000, what: "the inner guest has an address" });

  await sh(daemon, outer, "systemctl kill -s KILL berthd");
  await startInner();
  assert.equal((await inner("exec", "one", "--", "true")).code, 0);
  await mustInner("stop", "--force", "one");
  await mustInner("start", "one");
  assert.equal(await mustInner("exec", "one", "--", "cat", "/root/file"), "x");
  assert.match(await sh(daemon, outer, "cat /root/berthd.log"), /this pool copies images instead of layering them.*in a container/);
  await mustInner("delete", "--force", "one", "two");
});
