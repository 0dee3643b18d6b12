// The bytes of an exec: all of them, in order, at the speed of whoever is slower, and nothing left open afterwards.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { ExecSession } from "../helpers/exec-session.ts";
import { importBusybox, launch, pidsOf, shell } from "../helpers/guests.ts";
import { memoryOf } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "c1");
});
after(() => daemon?.[Symbol.asyncDispose]());

const mib = 1024 * 1024;
const openFiles = () => readdirSync(`/proc/${daemon.pid}/fd`).length;

/** Waits until the daemon has as many files open as before, or fewer. */
const filesAreBackTo = (count: number) => eventually(() => openFiles() <= count, { what: `no more than ${count} files are open (${openFiles()})` });

for (const client of ["lxc", "berth"]) {
  test(`${client} exec carries 100 MiB in and out unchanged`, async () => {
    // openssl's stream of a fixed key: quick, the same each time, and it has every byte in it.
    const stream = "openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 -in /dev/zero 2>/dev/null | head -c 104857600";
    const sent = await shell(daemon, `${stream} | sha256sum`);
    const back = await shell(daemon, `${stream} | ${client} exec c1 -- cat | sha256sum`);
    assert.equal(sent.stdout.length, 68);
    assert.equal(back.stdout, sent.stdout, back.stderr);
  });

  test(`${client} exec loses nothing of programs that end at once`, async () => {
    const script = `i=0; while [ $i -lt 40 ]; do ${client} exec c1 -- echo "line $i"; i=$((i+1)); done`;
    const { stdout, stderr } = await shell(daemon, script);
    assert.equal(stdout + stderr, Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join(""));
  });
}

test("nothing is lost of 200 programs that print and end at once, little or 64 KiB, on either stream", async () => {
  const before = openFiles();
  const block = createHash("sha256").update("a".repeat(65_536)).digest("hex");
  for (let i = 0; i < 200; i++) {
    const command = i % 2 ? `echo ${i}; echo error ${i} >&2` : "head -c 65536 /dev/zero | tr '\\0' a";
    const [session, { "1": out, "2": err }] = await ExecSession.start(daemon, "c1", { command: ["sh", "-c", command] });
    const [stdout, stderr] = await Promise.all([out!.output, err!.output]);
    if (i % 2) assert.deepEqual([stdout.toString(), stderr.toString()], [`${i}\n`, `error ${i}\n`]);
    else assert.equal(createHash("sha256").update(stdout).digest("hex"), block, `run ${i}: ${stdout.length} bytes`);
    await out!.closed;
    assert.equal((await session.operation()).metadata.return, 0);
  }
  await filesAreBackTo(before + 1);
});

test("a client that does not read holds the program back, and the daemon's memory stays small", async () => {
  const session = await ExecSession.post(daemon, "c1", { command: ["dd", "if=/dev/zero", "bs=65536", "count=16384"] });
  const size = 16_384 * 65_536;
  const before = memoryOf(daemon.pid).rss;
  await session.dial("control");
  await session.dial("0");
  const out = await session.dial("1", { keep: false, paused: true });
  const err = await session.dial("2");
  const pid = await eventually(() => pidsOf(daemon, "count 16384")[0], { what: "dd runs" });
  const written = () => Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
  let last = -1;
  let still = 0;
  await eventually(() => {
    still = written() === last ? still + 1 : 0;
    last = written();
    return last > 0 && still > 10;
  }, { every: 50, what: "dd is held back" });
  assert.ok(last < 64 * mib, `dd could write ${last / mib} MiB`);
  const grown = (memoryOf(daemon.pid).rss - before) / 1024;
  assert.ok(grown < 60, `the daemon grew by ${grown} MiB`);

  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, memoryOf(daemon.pid).rss - before);
  }, 50);
  out.ws.resume();
  await out.output;
  clearInterval(watch);
  assert.equal(out.received, size);
  assert.match(await err.text(), /16384\+0 records out/);
  assert.ok(most / 1024 < 150, `the daemon grew by ${most / 1024} MiB`);
  assert.equal((await session.ended()).metadata.return, 0);
});

test("a program that does not read its input holds the client back", async () => {
  const [session, { "0": input, "1": out }] = await ExecSession.start(daemon, "c1", { command: ["sh", "-c", "read line; echo $line; sleep 31.5"] });
  const before = memoryOf(daemon.pid).rss;
  input!.ws.send(Buffer.from("first\n"));
  const chunk = Buffer.alloc(mib);
  for (let i = 0; i < 256; i++) input!.ws.send(chunk);
  await eventually(() => out!.received > 0);
  let last = -1;
  let still = 0;
  await eventually(() => {
    still = input!.ws.bufferedAmount === last ? still + 1 : 0;
    last = input!.ws.bufferedAmount;
    return still > 10;
  }, { every: 50, what: "the client is held back" });
  assert.ok(last > 128 * mib, `${last / mib} MiB wait in the client`);
  const grown = (memoryOf(daemon.pid).rss - before) / 1024;
  assert.ok(grown < 60, `the daemon grew by ${grown} MiB`);
  for (const stream of [input!, out!]) stream.ws.terminate();
  assert.equal((await session.ended()).metadata.return, 137);
});

test("input that comes after the program's end, or a broken pipe, harms nothing", async () => {
  const [session, { "0": input, "1": out }] = await ExecSession.start(daemon, "c1", { command: ["sh", "-c", "exec <&-; echo deaf"] });
  for (let i = 0; i < 50; i++) input!.ws.send(Buffer.alloc(65_536));
  assert.equal(await out!.text(), "deaf\n");
  for (let i = 0; i < 50 && input!.ws.readyState === input!.ws.OPEN; i++) input!.ws.send(Buffer.alloc(65_536));
  assert.equal((await session.ended()).metadata.return, 0);
});

test("frames of any size and an end in the middle of nothing arrive as one stream", async () => {
  const [session, { "0": input, "1": out }] = await ExecSession.start(daemon, "c1", { command: ["cat"] });
  const parts = [Buffer.alloc(0), Buffer.from("a"), Buffer.alloc(70_000, "b"), Buffer.alloc(3 * mib, "c"), Buffer.alloc(0), Buffer.from("ü€\0\xff", "latin1")];
  for (const part of parts) input!.ws.send(part);
  input!.ws.send("");
  assert.deepEqual(createHash("sha256").update(await out!.output).digest("hex"), createHash("sha256").update(Buffer.concat(parts)).digest("hex"));
  assert.equal((await session.ended()).metadata.return, 0);
});

test("a hundred sessions at once all have their own result, and leave no file open", async () => {
  const before = openFiles();
  const run = async (i: number): Promise<void> => {
    const [session, { "0": input, "1": out, "2": err }] = await ExecSession.start(daemon, "c1", {
      command: ["sh", "-c", `read word; echo $word ${i}; echo e${i} >&2; exit ${i}`],
    });
    input!.ws.send(Buffer.from(`word${i}\n`));
    assert.deepEqual([await out!.text(), await err!.text()], [`word${i} ${i}\n`, `e${i}\n`]);
    assert.equal((await session.ended(60_000)).metadata.return, i);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => run(i)));
  await filesAreBackTo(before + 1);
  assert.equal(daemon.namespace.family().filter(({ command }) => command.startsWith("lxc-attach")).length, 0);
});

test("programs that cannot be started leave no file open", async () => {
  const before = openFiles();
  const command = ["echo", "z".repeat(200_000)];
  for (const interactive of [false, true]) {
    for (let i = 0; i < 5; i++) {
      const [session] = await ExecSession.start(daemon, "c1", { command, interactive });
      assert.match((await session.ended()).err, /E2BIG/);
    }
  }
  await filesAreBackTo(before + 1);
  assert.ok(existsSync(`/proc/${daemon.pid}`));
});
