// Building images from recipes: what comes out, that it is the same each time, and that nothing is left when it goes wrong.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { berthPath } from "../helpers/daemon.ts";
import { exec, execOk, type Result } from "../helpers/exec.ts";
import { makeFolder } from "../helpers/folder.ts";
import { busyboxImages, fingerprintOf } from "../helpers/images.ts";
import { processes } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

const base = makeFolder();
const work = join(base, "work");
mkdirSync(work);
after(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
const squashfs = "targets: [{format: squashfs, compression: gzip, level: 1}]\n";
const busybox = "source: {type: busybox}\nmetadata: {created: 2024-01-01}\n";

/** A folder with a recipe and what lies beside it. */
function recipe(text: string, files: Record<string, string> = {}): string {
  const folder = join(base, `recipe${++count}`);
  for (const [name, content] of Object.entries({ ...files, "r.yaml": text })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return join(folder, "r.yaml");
}

interface Outcome extends Result {
  output: string;
}

async function build(file: string, options: { tmp?: string; args?: string[]; env?: Record<string, string> } = {}): Promise<Outcome> {
  const output = join(base, `out${++count}`);
  const result = await exec(berthPath, ["image", "build", file, "--output", output, ...(options.args ?? [])], { env: { TMPDIR: options.tmp ?? work, ...options.env }, timeout: 400_000 });
  return { ...result, output };
}

/** Neither files nor mounts nor processes are left; the output holds nothing, not even in hiding. */
function assertNothingLeft({ output }: { output: string }): void {
  assert.deepEqual(existsSync(output) ? readdirSync(output) : [], []);
  assert.deepEqual(readdirSync(work), []);
  assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(work), "a mount is left");
  assert.deepEqual(processes().filter(({ command }) => command.includes(work)).map(({ command }) => command), []);
}

/** Unpacks what was built, to look at it. */
async function unpack({ output, stderr }: Outcome): Promise<string> {
  assert.ok(existsSync(join(output, "rootfs.squashfs")), stderr);
  await execOk("unsquashfs", ["-q", "-n", "-d", join(output, "root"), join(output, "rootfs.squashfs")]);
  return join(output, "root");
}

async function assertFails(file: string, message: RegExp, options: Parameters<typeof build>[1] = {}): Promise<Outcome> {
  const outcome = await build(file, options);
  assert.equal(outcome.code, 1, outcome.stdout + outcome.stderr);
  assert.match(outcome.stderr, message);
  assertNothingLeft(outcome);
  return outcome;
}

test("the same recipe makes the same image, byte for byte, in every format", async () => {
  const images = await busyboxImages();
  const { output, code, stderr } = await build("busybox");
  assert.equal(code, 0, stderr);
  const again = (names: readonly string[]) => fingerprintOf(names.map((name) => join(output, name)) as unknown as readonly [string]);
  assert.equal(again(["unified.tar.xz"]), fingerprintOf(images.unified));
  assert.equal(again(["metadata.tar.xz", "rootfs.tar.zst"]), fingerprintOf(images.split));
  assert.equal(again(["metadata.tar.xz", "rootfs.squashfs"]), fingerprintOf(images.squashfs));
  assert.deepEqual(readdirSync(work), []);
});

test("a Debian by debootstrap", async () => {
  const outcome = await build(recipe(`source: {type: debootstrap, suite: bookworm, tool: debootstrap}\n${squashfs}`));
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  const root = await unpack(outcome);
  assert.match(readFileSync(join(root, "etc/os-release"), "utf8"), /bookworm/);
  assert.deepEqual([readdirSync(join(root, "var/lib/apt/lists")).filter((name) => name !== "partial" && name !== "auxfiles"), existsSync(join(root, "debootstrap"))], [[], false]);
  const { stdout } = await exec("unsquashfs", ["-llnumeric", "-d", "", join(outcome.output, "rootfs.squashfs")], { env: { TZ: "UTC" } });
  const dates = [...stdout.matchAll(/ (20\d\d-\d\d-\d\d \d\d:\d\d) /g)].map(([, date]) => date ?? "").sort();
  const metadata = await execOk("tar", ["-xOf", join(outcome.output, "metadata.tar.xz"), "metadata.yaml"]);
  const created = new Date(Number(/^creation_date: (\d+)$/m.exec(metadata)?.[1]) * 1000).toISOString().slice(0, 16).replace("T", " ");
  assert.ok((dates.at(-1) ?? "9") <= created, `${dates.at(-1)} is younger than the archive, which is of ${created}`);
});

describe("files and commands", () => {
  test("make what the recipe says", async () => {
    const outcome = await build(recipe(`${busybox}${squashfs}files:
  - {path: /etc/passwd, content: "root:x:0:0::/:/bin/sh\\nweb:x:33:34::/:/bin/sh\\n"}
  - {path: /etc/group, content: "logs:x:77:\\n"}
  - {path: /srv/page, content: "{{ properties.os }} {{ architecture }}", template: true, owner: web, mode: "0640"}
  - {path: /srv/tool, source: tool, owner: "web:logs"}
  - {path: /srv/tree, source: tree}
  - {path: /srv/empty, directory: true, mode: "1777", owner: "5:6"}
  - {path: /srv/link, link: ../nowhere}
  - {path: /var/log/x, content: gone}
  - {path: /etc/machine-id, content: "0123"}
run:
  - test "$(cat /srv/page)" = "box $(uname -m)" && echo "$WORD $(pwd)" > /srv/said
  - {command: [/bin/sh, -c, 'echo "$WORD $(pwd)" >> /srv/said'], env: {WORD: "a $b"}, cwd: /srv}
cleanup: {remove: [/srv/tree/drop]}
`.replace("created: 2024-01-01", "created: 2024-01-01, properties: {os: box}"), { tool: "#!/bin/sh\n", "tree/keep": "1", "tree/drop/x": "2" }));
    assert.equal(outcome.code, 0, outcome.stderr);
    const root = await unpack(outcome);
    const stat = (path: string) => spawnSync("stat", ["-c", "%a %u:%g %Y", join(root, path)], { encoding: "utf8" }).stdout.trim();
    const created = Date.parse("2024-01-01T00:00:00Z") / 1000;
    assert.deepEqual(["srv/page", "srv/tool", "srv/empty"].map(stat), [`640 33:34 ${created}`, `644 33:77 ${created}`, `1777 5:6 ${created}`]);
    assert.equal(readFileSync(join(root, "srv/said"), "utf8"), " /\na $b /srv\n");
    assert.deepEqual(readdirSync(join(root, "srv/tree")), ["keep"]);
    assert.equal(spawnSync("readlink", [join(root, "srv/link")], { encoding: "utf8" }).stdout.trim(), "../nowhere");
    assert.deepEqual([readFileSync(join(root, "etc/machine-id"), "utf8"), readdirSync(join(root, "var/log")), readdirSync(join(root, "run"))], ["", [], []]);
  });

  test("a command has no power over the machine, and no network unless it is to", async () => {
    const marker = join(base, "marker");
    writeFileSync(marker, "here");
    const { stderr, code } = await build(recipe(`${busybox}${squashfs}run:
  - |
    [ ! -e ${marker} ]
    grep -q "CapBnd:.*a80405fb" /proc/self/status
    ! mount -t tmpfs none /mnt
    ! unshare -m true
    mknod /disk b 8 0; mknod /kmem c 1 1
    ! cat /kmem; ! head -c1 /disk
    ! sh -c 'echo 1 > /proc/sys/vm/drop_caches'
    ! sh -c 'echo b > /proc/sysrq-trigger'
    ! sh -c 'mkdir /sys/fs/cgroup/x'
    [ "$(ls /sys/class/net)" = lo ]
    ping -c1 -W1 127.0.0.1 || ip addr show lo | grep -q UP
    [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 5 ]
    rm /disk /kmem
    echo all is well > /dev/stdout
`));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^all is well$/m);
  });

  test("an image that there is can be begun with", async () => {
    const { unified } = await busyboxImages();
    const folder = join(base, "unpacked");
    mkdirSync(folder);
    await execOk("tar", ["-xf", unified[0], "-C", folder]);
    const tarball = join(base, "root.tar.gz");
    await execOk("tar", ["-czf", tarball, "-C", join(folder, "rootfs"), "."]);
    const sha256 = createHash("sha256").update(readFileSync(tarball)).digest("hex");
    const good = await build(recipe(`source: {type: tarball, path: ../root.tar.gz, sha256: ${sha256}}\n${squashfs}files: [{path: /etc/new, content: x}]\n`));
    assert.equal(good.code, 0, good.stderr);
    assert.ok(existsSync(join(await unpack(good), "etc/inittab")));
    await assertFails(recipe(`source: {type: tarball, path: ../root.tar.gz, sha256: ${"0".repeat(64)}}\n`), new RegExp(`its SHA-256 is ${sha256}, not 0000`));
    await assertFails(recipe("source: {type: tarball, path: gone.tar}\n"), /r\.yaml:1: there is no file .*gone\.tar/);

    const server = createServer((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: "/root" }).end();
      else if (request.url === "/root") response.end(readFileSync(tarball));
      else response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const got = await build(recipe(`source: {type: tarball, url: "${url}/moved", sha256: ${sha256}}\n${squashfs}`));
      assert.equal(got.code, 0, got.stderr);
      await assertFails(recipe(`source: {type: tarball, url: "${url}/none", sha256: ${sha256}}\n`), /none cannot be downloaded: the answer is 404/);
      await assertFails(recipe(`source: {type: tarball, url: "${url}/root", sha256: ${"1".repeat(64)}}\n`), /another file than the recipe says/);
    } finally {
      server.close();
    }
  });
});

describe("what goes wrong leaves nothing", () => {
  test("a command that fails is named with its line, its status and its last words", async () => {
    const { stderr } = await assertFails(recipe(`${busybox}run:\n  - echo fine\n  - name: set it up\n    command: |\n      echo one; echo two >&2\n      exit 42\n`),
      /^Error: The step "set it up" \(.*r\.yaml:5\) ended with status 42:\none\ntwo$/m);
    assert.match(stderr, /^fine$/m);
    await assertFails(recipe(`${busybox}run: [[/bin/nothing]]\n`), /ended with status 127:\nthere is no program \/bin\/nothing/);
    await assertFails(recipe(`${busybox}run: [{command: [ls], cwd: /no}]\n`), /there is no folder \/no/);
    await assertFails(recipe(`${busybox}packages: [nginx]\n`), /no apt-get to install nginx with/);
    await assertFails(recipe(`${busybox}pakages: []\n`), /did you mean "packages"\?/);
    await assertFails(join(base, "none.yaml"), /There is no recipe/);
  });

  test("a path that leads out of the recipe's folder, or out of the root file system", async () => {
    const secret = join(base, "secret");
    writeFileSync(secret, "secret");
    const file = recipe(`${busybox}files: [{path: /a, source: link}]\n`);
    symlinkSync(secret, join(dirname(file), "link"));
    await assertFails(file, /r\.yaml:3: link leads out of the recipe's folder/);
    await assertFails(recipe(`${busybox}files: [{path: /a, source: ../secret}]\n`), /leads out of the recipe's folder/);
    await assertFails(recipe(`${busybox}files: [{path: /a, source: ${secret}}]\n`), /leads out of the recipe's folder/);
    await assertFails(recipe(`${busybox}files: [{path: /a, source: none}]\n`), /there is no file none beside the recipe/);

    const outside = join(base, "outside");
    mkdirSync(outside);
    const links = `${busybox}${squashfs}files:
  - {path: ${outside}, directory: true}
  - {path: /out, link: ${outside}}
  - {path: /up, link: ../../../../../..${outside}}
  - {path: /out/a, content: in}
  - {path: /up/b, content: in}
  - {path: /out, link: ${secret}}
  - {path: /out, content: mine}
cleanup: {standard: false, remove: [/up/b]}
`;
    const outcome = await build(recipe(links));
    assert.equal(outcome.code, 0, outcome.stderr);
    const root = await unpack(outcome);
    assert.deepEqual([readdirSync(outside), readFileSync(secret, "utf8"), readdirSync(join(root, outside)), readFileSync(join(root, "out"), "utf8")], [[], "secret", ["a"], "mine"]);
    await assertFails(recipe(`${busybox}files: [{path: /x, link: x}, {path: /x/y, content: a}]\n`), /r\.yaml:3: \/x\/y cannot be made/);
    await assertFails(recipe(`${busybox}files: [{path: /etc/x, content: a, owner: nobody}]\n`), /the root file system has no user "nobody"/);
    await assertFails(recipe(`${busybox}files: [{path: /x, content: "{% if %}", template: true}]\n`), /the text is no template/);
  });

  for (const tool of ["mmdebstrap", "debootstrap"]) {
    test(`an archive that ${tool} does not reach`, async () => {
      const source = `source: {type: debootstrap, suite: noble, tool: ${tool}, mirror: "http://127.0.0.1:1/ubuntu", keyring: /usr/share/keyrings/debian-archive-keyring.gpg}\n`;
      await assertFails(recipe(source), /Error: The archive http:\/\/127\.0\.0\.1:1\/ubuntu cannot be reached: .*\nHint: [Nn]ame one that can be in source\.mirror/);
    });
  }

  test("a full disk", async () => {
    const small = join(base, "small");
    mkdirSync(small);
    await execOk("mount", ["-t", "tmpfs", "-o", "size=6m", "none", small]);
    try {
      const { output } = await assertFails(recipe(`${busybox}run:\n  - dd if=/dev/zero of=/big bs=1M count=20\n`), /No space left on the device that holds/, { tmp: small });
      await assertFails(recipe(`${busybox}files: [{path: /big, source: big}]\n`, { big: "x".repeat(8 << 20) }), /No space left on the device/, { tmp: small });
      assert.deepEqual([readdirSync(small), existsSync(output) ? readdirSync(output) : []], [[], []]);
    } finally {
      await execOk("umount", [small]);
    }
  });

  for (const [what, signal, to] of [["Ctrl-C", "SIGINT", "group"], ["the client's death", "SIGKILL", "client"]] as const) {
    test(`${what} in the middle`, async () => {
      const output = join(base, `out${++count}`);
      const file = recipe(`${busybox}run:\n  - "echo begun; mknod /dev/pts/x p; sleep 1000 & sleep 1000"\n`);
      const child = spawn(berthPath, ["image", "build", file, "--output", output], { env: { ...process.env, TMPDIR: work }, stdio: ["ignore", "pipe", "pipe"], detached: true });
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
      await eventually(() => /^begun$/m.test(said), { what: "the command runs" });
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      process.kill(to === "group" ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
      assert.equal(await ended, to === "group" ? 130 : null, said);
      await eventually(() => processes().every(({ command }) => !command.includes(work) && !command.includes("sleep 1000")), { what: "the build has ended" });
      assertNothingLeft({ output });
    });
  }

  test("what a killed build has left, the next one removes", async () => {
    const left = join(work, ".berth-build-killed");
    mkdirSync(join(left, "rootfs"), { recursive: true });
    writeFileSync(join(left, "lock"), "");
    const { code, stderr } = await build(recipe(`${busybox}${squashfs}`));
    assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(work), []);
  });

  test("somebody who is not root is told so", async () => {
    const { code, stderr } = await exec("setpriv", ["--reuid=65534", "--clear-groups", berthPath, "image", "build", "busybox", "--output", join(base, "mine")], { env: { HOME: base } });
    assert.deepEqual([code, stderr], [1, "Error: Building an image takes root: it makes files of all owners, mounts and namespaces\nHint: run it with sudo.\n"]);
  });
});
