// Who may join an exec, what its control websocket does, and what becomes of a program whose client has gone.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { control, ExecSession } from "../helpers/exec-session.ts";
import { clientEnv, importBusybox, inGuest, launch, pidsOf, shell } from "../helpers/guests.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "c1");
});
after(() => daemon?.[Symbol.asyncDispose]());

/** A script that says when it is ready, and what TERM, HUP and USR1 make of it. */
const trapping = "trap 'echo got TERM; exit 3' TERM; trap 'echo got USR1' USR1; echo ready; while :; do sleep 0.05; done";

test("signals reach the program through control, as text and as binary frames", async () => {
  const [session, { "1": out }] = await ExecSession.start(daemon, "c1", { command: ["sh", "-c", trapping] });
  const handle = await session.dial("control");
  await eventually(() => out!.received >= 6);
  control(handle, { command: "signal", args: null, signal: 10 });
  await eventually(() => out!.received >= 15);
  control(handle, { command: "signal", signal: 15 }, true);
  assert.equal(await out!.text(), "ready\ngot USR1\ngot TERM\n");
  assert.equal((await session.ended()).metadata.return, 3);
});

test("what control does not understand changes nothing", async () => {
  const [session, { "0": input, "1": out }] = await ExecSession.start(daemon, "c1", { command: ["cat"] });
  const handle = await session.dial("control");
  for (const text of ["", "null", "[]", "nonsense", '{"command":"dance"}', '{"command":"signal","signal":99}', '{"command":"signal","signal":"TERM"}',
    '{"command":"window-resize","args":{"width":"10","height":"10"}}', '{"command":"window-resize","args":null}']) handle.ws.send(text);
  input!.ws.send(Buffer.from("still here"));
  input!.ws.send("");
  assert.equal(await out!.text(), "still here");
  assert.equal((await session.ended()).metadata.return, 0);
});

test("a program is killed when its control websocket closes, and when one closes that never had control", async () => {
  const [first, { "1": out }] = await ExecSession.start(daemon, "c1", { command: ["sleep", "41.41"] });
  const handle = await first.dial("control");
  await eventually(() => pidsOf(daemon, "sleep 41.41").length === 1);
  handle.ws.close();
  assert.equal((await first.ended()).metadata.return, 137);
  await out!.closed;
  const [second, streams] = await ExecSession.start(daemon, "c1", { command: ["sleep", "42.42"] });
  await eventually(() => pidsOf(daemon, "sleep 42.42").length === 1);
  for (const stream of Object.values(streams)) stream.ws.terminate();
  assert.equal((await second.ended()).metadata.return, 137);
  assert.deepEqual(pidsOf(daemon, "sleep 4"), []);
});

for (const client of ["lxc", "berth"]) {
  test(`a program is gone within a second of its ${client} being killed, with and without a terminal`, async () => {
    for (const [flag, time] of [["-T", "51.5"], ["-t", "52.5"]] as const) {
      const child = spawn(client, ["exec", flag, "c1", "--", "sleep", time], { env: { ...process.env, ...clientEnv(daemon) }, stdio: ["pipe", "ignore", "ignore"] });
      await eventually(() => pidsOf(daemon, `sleep ${time}`).length === 1, { what: `sleep ${time} runs` });
      child.kill("SIGKILL");
      await eventually(() => pidsOf(daemon, `sleep ${time}`).length === 0, { timeout: 1000, what: `sleep ${time} is gone` });
    }
  });

  test(`${client} exec passes SIGTERM on to the program`, async () => {
    const script = `${client} exec c1 -- sh -c "${trapping.replaceAll("$", "\\$")}" > out & pid=$!;
      until grep -q ready out; do sleep 0.05; done; kill -TERM $pid; wait $pid; echo "status $?"; cat out; rm out`;
    const { stdout } = await shell(daemon, script, { cwd: daemon.dir, timeout: 20_000 });
    assert.equal(stdout, "status 3\nready\ngot TERM\n");
  });
}

test("a program runs without control being connected", async () => {
  const [session, { "1": out, "2": err }] = await ExecSession.start(daemon, "c1", { command: ["sh", "-c", "echo yes; echo no >&2"], user: null, group: null, cwd: null });
  assert.deepEqual([await out!.text(), await err!.text()], ["yes\n", "no\n"]);
  assert.equal((await session.ended()).metadata.return, 0);
});

test("a terminal needs its control, takes sizes and signals through it, and ends with it", async () => {
  const [session, { control: handle, "0": screen }] = await ExecSession.start(daemon, "c1", {
    command: ["sh", "-c", "trap 'stty size' WINCH; stty size; trap 'exit 9' TERM; while :; do sleep 0.05; done"], interactive: true, width: 111, height: 33,
  });
  await eventually(() => screen!.received >= 6);
  control(handle!, { command: "window-resize", args: { width: "99", height: "44" }, signal: 0 });
  await eventually(() => screen!.received >= 13, { what: "the new size is told" });
  control(handle!, { command: "signal", signal: 15 });
  assert.equal(await screen!.text(), "33 111\r\n44 99\r\n");
  assert.equal((await session.ended()).metadata.return, 9);
});

test("a wrong secret is refused, and so is one that was used", async () => {
  const session = await ExecSession.post(daemon, "c1", { command: ["cat"] });
  assert.match(Object.values(session.fds).join(), /^([0-9a-f]{64},){3}[0-9a-f]{64}$/);
  await assert.rejects(session.dial("0", { secret: "0".repeat(64) }), /status 403/);
  await assert.rejects(session.dial("0", { secret: "" }), /status 4\d\d/);
  const input = await session.dial("0");
  await assert.rejects(session.dial("0"), /status 403/);
  const out = await session.dial("1");
  await session.dial("2");
  input.ws.send(Buffer.from("fine"));
  input.ws.send("");
  assert.equal(await out.text(), "fine");
  assert.equal((await session.ended()).metadata.return, 0);
  await assert.rejects(session.dial("control"), /status 4\d\d/);
});

test("a secret does not open another operation", async () => {
  const mine = await ExecSession.post(daemon, "c1", { command: ["true"] });
  const [other] = await ExecSession.start(daemon, "c1", { command: ["sleep", "43.43"] });
  await assert.rejects(other.dial("control", { secret: mine.fds["control"] }), /status 403/);
  const handle = await other.dial("control");
  handle.ws.close();
  for (const name of ["0", "1", "2"]) await mine.dial(name);
  await Promise.all([mine.ended(), other.ended()]);
});

test("without its websockets a program never runs, and the operation fails after the time limit", async () => {
  const sessions = [
    await ExecSession.post(daemon, "c1", { command: ["touch", "/tmp/ran-1"] }),
    await ExecSession.post(daemon, "c1", { command: ["touch", "/tmp/ran-2"], interactive: true }),
  ];
  await sessions[0]!.dial("0");
  await sessions[0]!.dial("control");
  const late = await sessions[1]!.dial("0");
  for (const session of sessions) {
    const operation = await session.ended(20_000);
    assert.deepEqual([operation.status, operation.err], ["Failure", "Timed out waiting for websockets to connect"]);
  }
  await late.closed;
  assert.equal(await inGuest(daemon, "c1", "ls /tmp/ran-* 2>/dev/null; true"), "");
  await assert.rejects(sessions[0]!.dial("1"), /status 4\d\d/);
});

test("a container that stops ends its sessions", async () => {
  await launch(daemon, "c2");
  const [piped, { "1": out }] = await ExecSession.start(daemon, "c2", { command: ["sh", "-c", "echo up; sleep 44.44"] });
  const [terminal, { "0": screen }] = await ExecSession.start(daemon, "c2", { command: ["sh", "-c", "echo up; sleep 45.45"], interactive: true });
  await eventually(() => out!.received > 0 && screen!.received > 0);
  await daemon.run("stop", "-f", "c2");
  assert.equal((await piped.ended()).metadata.return, 137);
  assert.equal((await terminal.ended()).status_code >= 200, true);
  assert.deepEqual([await out!.text(), await screen!.text()], ["up\n", "up\r\n"]);
});

test("sessions go on while other instances come and go", async () => {
  const [session, { "0": input, "1": out }] = await ExecSession.start(daemon, "c1", { command: ["cat"] });
  await daemon.run("start", "c2");
  input!.ws.send(Buffer.from("one "));
  await daemon.run("delete", "-f", "c2");
  input!.ws.send(Buffer.from("two"));
  input!.ws.send("");
  assert.equal(await out!.text(), "one two");
  assert.equal((await session.ended()).metadata.return, 0);
});
