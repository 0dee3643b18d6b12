// Which system calls guests may make: Berth's policy, lists of the user's, whole policies; for init and for programs run later.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, importImage, launch } from "../helpers/instances.ts";

const one = `calls${process.pid}`;
const url = `/1.0/instances/${one}`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await create(daemon, one);
});
after(() => daemon?.[Symbol.asyncDispose]());

const keys = ["security.syscalls.allow", "security.syscalls.deny", "security.syscalls.deny_default", "security.syscalls.deny_compat", "raw.seccomp"];

/** Starts it anew with nothing but these keys. */
async function startWith(config: Record<string, string>): Promise<void> {
  if ((await daemon.must("GET", url)).status === "Running") await act(daemon, one, "stop", { force: true });
  const { config: now } = await daemon.must("GET", url);
  const rest = Object.fromEntries(Object.entries(now as Record<string, string>).filter(([key]) => !keys.includes(key)));
  await daemon.must("PUT", url, { config: { ...rest, ...config }, devices: {}, profiles: ["default"] });
  await act(daemon, one, "start");
}

const guest = (script: string) => daemon.berth("exec", one, "--", "sh", "-c", script);

test("calls that are denied end the program, or fail as the line says; others go on", async () => {
  await startWith({ "security.syscalls.deny": "rmdir\nchroot errno 13\n  sethostname   errno 38 # with words" });
  assert.equal((await guest("mkdir /tmp/d; echo made")).stdout, "made\n");
  const killed = await guest("rmdir /tmp/d; echo $?");
  assert.match(killed.stdout, /159|137|31/, JSON.stringify(killed));
  assert.match((await guest("chroot / true")).stderr, /Permission denied/);
  assert.match((await guest("hostname other")).stderr, /not implemented/);
  assert.match((await guest("insmod /bin/busybox")).stderr, /not implemented|does not support requested operation/i);
});

test("arguments can be told apart", async () => {
  await startWith({ "security.syscalls.deny": "kill errno 13 [1,10,SCMP_CMP_EQ]" });
  assert.equal((await guest("sleep 5 & kill -USR2 $! && echo sent")).stdout, "sent\n");
  assert.match((await guest("sleep 5 & kill -USR1 $!; kill -9 $!")).stderr, /Permission denied/);
});

test("without the default policy a guest may do what its powers allow", async () => {
  const unmount = "mount -t tmpfs none /mnt && umount -f /mnt && echo gone";
  await startWith({});
  assert.match((await guest(unmount)).stderr, /Permission denied/);
  await startWith({ "security.syscalls.deny_default": "false" });
  assert.equal((await guest(unmount)).stdout, "gone\n");
  assert.match((await guest("cat /proc/1/status")).stdout, /^Seccomp:\s*0$/m, "no filter at all");
});

test("only what is allowed can be called", async () => {
  await startWith({ "raw.seccomp": "2\nallowlist errno 1\n[all]\nread" }).catch(() => {}); // no init gets far with that
  await startWith({ "raw.seccomp": "2\ndenylist\n[all]\nmkdir errno 17" });
  assert.match((await guest("mkdir /tmp/new")).stderr, /File exists/);
  const { metadata } = (await daemon.request("GET", "/1.0/instances?recursion=1")).json;
  assert.equal(metadata.length, 1);
});

/** Calls getuid32, which only 32-bit programs have, and ends with what it gave. */
function program32(): Buffer {
  const code = Buffer.from([0xb8, 199, 0, 0, 0, 0xcd, 0x80, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80]);
  const elf = Buffer.alloc(84);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const word = (value: number, at: number) => elf.writeUInt32LE(value, at);
  elf.writeUInt32LE(0x0003_0002, 16); // an executable, for i386
  for (const [at, value] of [[20, 1], [24, 0x0804_8054], [28, 52], [52, 1], [60, 0x0804_8000], [64, 0x0804_8000], [68, 84 + code.length], [72, 84 + code.length], [76, 5], [80, 4096]] as const) word(value, at);
  elf.writeUInt16LE(52, 40);
  elf.writeUInt16LE(32, 42);
  elf.writeUInt16LE(1, 44);
  return Buffer.concat([elf, code]);
}

test("the calls of 32-bit programs can be refused", { skip: process.arch !== "x64" }, async () => {
  await startWith({});
  await daemon.request("POST", `${url}/files?path=/root/old`, program32(), { headers: { "content-type": "application/octet-stream", "x-lxd-mode": "0755" } });
  assert.equal((await guest("/root/old")).code, 0);
  await startWith({ "security.syscalls.deny_compat": "true" });
  assert.equal((await guest("/root/old")).code, 256 - 38);
  assert.equal((await guest("id -u")).stdout, "0\n");
});

test("a policy that liblxc would not take, or would not heed, is refused and changes nothing", async () => {
  await startWith({ "security.syscalls.deny": "rmdir errno 1" });
  for (const [key, value, words] of [
    ["security.syscalls.deny", "mkdri", /line "mkdri": there is no such system call/], ["security.syscalls.deny", "mkdir notify", /intercepted/],
    ["security.syscalls.allow", "read [", /line "read \["/], ["raw.seccomp", "mkdir", /version/], ["security.syscalls.intercept.mknod", "true", /not supported/],
  ] as const) await assert.rejects(daemon.must("PATCH", url, { config: { [key]: value } }), words, `${key}=${value}`);
  assert.equal((await daemon.must("GET", url)).config["security.syscalls.deny"], "rmdir errno 1");
  await act(daemon, one, "restart", { force: true });
});

test("one instance's policy is not another's", async () => {
  await launch(daemon, `${one}-other`);
  const { stdout } = await daemon.berth("exec", `${one}-other`, "--", "sh", "-c", "mkdir /tmp/x && rmdir /tmp/x && echo both");
  assert.equal(stdout, "both\n");
});
