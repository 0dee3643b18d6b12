// The console of a container, through both clients in a real terminal and step by step over the wire.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { openSocket } from "../api/sockets.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, inGuest, launch, pidsOf } from "../helpers/guests.ts";
import { debianImage } from "../helpers/images.ts";
import { booted } from "../helpers/instances.ts";
import { Terminal } from "../helpers/terminal.ts";
import { eventually, pause } from "../helpers/wait.ts";

const url = "/1.0/instances/c1/console";
let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "c1");
});
after(() => daemon?.[Symbol.asyncDispose]());

const dialled = () => daemon.namespace.family().filter(({ command }) => command.startsWith("lxc-console"));
const nobodyAttached = () => eventually(() => dialled().length === 0, { what: "the session has ended" });
const logOf = async (name: string) => (await daemon.request("GET", `/1.0/instances/${name}/console`)).text;
const monitorOf = (name: string) => pidsOf(daemon, "[lxc monitor]").find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(` ${name}`));

/** Asks for a session; `fds` are the secrets. */
async function post(body: Record<string, unknown> = {}) {
  const { status, json, text } = await daemon.request("POST", url, body);
  if (status !== 202) throw new Error(`${status} ${text}`);
  const connect = (fd: string) => openSocket(daemon, `${json.operation}/websocket?secret=${json.metadata.metadata.fds[fd]}`);
  const end = () => eventually(async () => {
    const operation = (await daemon.request("GET", json.operation)).json.metadata;
    return operation.status_code >= 200 && operation;
  });
  return { connect, end };
}

/** Attaches in a terminal, and wakes the shell that busybox has on its console. */
async function openConsole(client: string, name = "c1"): Promise<Terminal> {
  const terminal = await Terminal.open(daemon);
  try {
    await terminal.type(`stty -g > before; ${client} console ${name}; echo left $?; stty -g | cmp - before && echo same`);
    await terminal.waitFor(/To detach from the console, press: <ctrl>\+a q/);
    await eventually(() => dialled().length === 1);
    await terminal.press("Enter");
    return terminal;
  } catch (error) {
    await terminal[Symbol.asyncDispose]();
    throw error;
  }
}

async function detach(terminal: Terminal): Promise<void> {
  await terminal.press("C-a");
  await pause(150); // lxc looks at the first byte only of what it reads at once
  await terminal.press("q");
  await terminal.waitFor(/left 0$/m); // whether the server's last line break comes in time is up to the client
  await terminal.waitFor(/^same$/m);
  await nobodyAttached();
}

for (const client of ["lxc", "berth"]) {
  test(`${client}: the console shows the guest's shell, takes what is typed, and lets go at Ctrl-a q`, async () => {
    await using terminal = await openConsole(client);
    await terminal.waitFor(/[#$]$/);
    await terminal.type(`x=kept-${client}; echo sum $((40+2)) grüße`);
    await terminal.waitFor(/^sum 42 grüße$/m);
    await detach(terminal);
    await using again = await openConsole(client); // the shell is the one that it was
    await again.type("echo [$x]");
    await again.waitFor(new RegExp(`^\\[kept-${client}\\]$`, "m"));
    await detach(again);
  });

  test(`${client}: the guest's console has the size of the terminal outside, also after it changed`, async () => {
    await using terminal = await openConsole(client);
    await eventually(async () => {
      await terminal.type("clear; stty size");
      return terminal.waitFor(/^30 100$/m, 700);
    });
    await terminal.resize(120, 40);
    await eventually(async () => {
      await terminal.type("clear; stty size");
      return terminal.waitFor(/^40 120$/m, 700);
    }, { what: "the guest knows the new size" });
    await terminal.resize(100, 30);
    await detach(terminal);
  });

  test(`${client}: what was written can be read later, running and stopped, and is bounded`, async () => {
    await launch(daemon, "talks");
    await inGuest(daemon, "talks", "echo first words > /dev/console");
    const show = async () => (await daemon[client === "lxc" ? "lxc" : "berth"]("console", "talks", "--show-log")).stdout;
    await eventually(async () => /^\nConsole log:\n\n[^]*first words/.test(await show()), { what: "the first words are shown" });
    await inGuest(daemon, "talks", "seq 1 60000 > /dev/console; echo last words > /dev/console");
    await eventually(async () => /last words/.test(await logOf("talks")), { what: "the end is in the log" });
    const log = await logOf("talks");
    assert.equal(log.length, 128 * 1024);
    assert.match(log, /59999\r\n60000\r\nlast words\r\n/);
    const size = (name: string) => statSync(`${daemon.dir}/logs/talks/${name}`).size;
    assert.ok(size("console.log") <= 128 * 1024 && size("console.log.1") <= 128 * 1024);
    await daemon.run("stop", "--force", "talks");
    assert.match(await show(), /last words/);
    await daemon.must("DELETE", "/1.0/instances/talks/console");
    assert.equal(await logOf("talks"), "");
    await daemon.run("delete", "talks");
  });
}

test("clearing forgets what was written; the guest writes on", async () => {
  await inGuest(daemon, "c1", "echo before > /dev/console");
  await eventually(async () => (await logOf("c1")).includes("before\r\n"));
  await daemon.must("DELETE", url);
  assert.equal(await logOf("c1"), "");
  await inGuest(daemon, "c1", "echo behind > /dev/console");
  await eventually(async () => (await logOf("c1")) === "behind\r\n");
});

test("only a running instance has a console to attach to", async () => {
  await daemon.run("init", "busybox", "off");
  assert.match((await daemon.berth("console", "off")).stderr, /^Error: Instance is not running$/m);
  await using terminal = await Terminal.open(daemon);
  await terminal.type("lxc console off; echo left $?");
  await terminal.waitFor(/^Error: Instance is not running\nleft 1$/m);
  assert.match((await daemon.berth("console", "off", "--show-log")).stderr, /Log file "console.log" not found/);
  assert.match((await daemon.berth("console", "c1", "--type", "vga")).stderr, /VGA console is only supported by virtual machines/);
  assert.match((await daemon.berth("console", "nope")).stderr, /Instance not found/);
  await daemon.run("delete", "off");
});

test("a second session is refused, or takes over by force", async () => {
  await using first = await openConsole("berth");
  await first.waitFor(/[#$]$/);
  const { code, stderr } = await daemon.berth("console", "c1");
  assert.deepEqual([code, /This console is already connected/.test(stderr), /berth console --force c1/.test(stderr)], [1, true, true]);
  await using other = await Terminal.open(daemon);
  await other.type("lxc console c1; echo left $?");
  await other.waitFor(/^Error: This console is already connected[^]*left 1$/m);
  const second = await post({ force: true });
  const main = await second.connect("0");
  await first.waitFor(/^left 0$/m);
  await eventually(() => dialled().length === 1);
  main.close();
  assert.equal((await second.end()).status, "Success");
  await nobodyAttached();
});

test("the session begins with the first websocket, ends with it or with control, and tells so", async () => {
  for (const closes of ["0", "control"] as const) {
    const session = await post({ width: 91, height: 27 });
    const main = await session.connect("0");
    let text = "";
    const frames: boolean[] = [];
    main.on("message", (data: Buffer, isBinary: boolean) => {
      text += data.toString("utf8");
      frames.push(isBinary);
    });
    main.send(Buffer.from("echo in=$((6*7)); stty size\r"));
    await eventually(() => /in=42\r\n27 91\r\n/.test(text), { what: "the shell has answered" }).catch((error: Error) => assert.fail(`${error.message}\n${JSON.stringify(text)}`));
    const control = await session.connect("control");
    (closes === "0" ? main : control).close();
    assert.deepEqual([(await session.end()).status, (await session.end()).err], ["Success", ""]);
    if (closes === "control") {
      await eventually(() => main.readyState === main.CLOSED);
      assert.ok(text.endsWith("\n\r") && frames.at(-1) === false, JSON.stringify(text.slice(-20)));
    }
    await nobodyAttached();
  }
});

test("a client that takes nothing does not hold the guest up, nor does its flood stay in memory", { timeout: 60_000 }, async () => {
  const session = await post();
  const main = await session.connect("0");
  main.pause();
  await eventually(() => dialled().length === 1);
  const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]);
  const before = memory();
  await inGuest(daemon, "c1", "head -c 60000000 /dev/zero | tr '\\0' x > /dev/console; echo >/dev/console");
  assert.ok(memory() - before < 60_000, `${memory() - before} KiB more`);
  const lxcLog = statSync(`${daemon.dir}/logs/c1/lxc.log`).size;
  assert.ok(lxcLog < 100_000, `liblxc's own log has ${lxcLog} bytes`);
  main.terminate();
  assert.equal((await session.end()).status, "Success");
  await nobodyAttached();
  assert.ok(monitorOf("c1"));
});

test("a client that is killed ends its session; the next one attaches", async () => {
  for (const client of ["lxc", "berth"]) {
    await using terminal = await Terminal.open(daemon);
    await terminal.type(`sh -c 'echo $$ > pid; exec ${client} console c1'; echo left $?`);
    await eventually(() => dialled().length === 1);
    process.kill(Number(readFileSync(`${terminal.folder}/pid`, "utf8")), "SIGKILL");
    await nobodyAttached();
    await using next = await openConsole(client);
    await next.type("echo again");
    await next.waitFor(/^again$/m);
    await detach(next);
  }
});

test("an instance that stops ends the session", async () => {
  await launch(daemon, "stops");
  await using terminal = await Terminal.open(daemon);
  await terminal.type("berth console stops; echo left $?");
  await eventually(() => dialled().length === 1);
  await daemon.run("stop", "--force", "stops");
  await terminal.waitFor(/left 0$/m); // whether the server's last line break comes in time is up to the client
  await nobodyAttached();
  await terminal.type("berth start stops --console; echo left $?");
  await eventually(() => dialled().length === 1);
  await terminal.press("C-a", "q");
  await terminal.waitFor(/left 0\n[^]*left 0\n/);
  assert.match((await daemon.berth("start", "--all", "--console")).stderr, /--console can't be used with --all/);
  await daemon.run("delete", "--force", "stops");
});

for (const client of ["lxc", "berth"]) {
  test(`${client}: launch --console and start --console attach after the start`, async () => {
    for (const command of ["launch busybox boots", "start boots"]) {
      await using terminal = await Terminal.open(daemon); // a new one: what an old one still shows would be taken for the answer
      await terminal.type(`${client} ${command} --console; echo left $?`);
      await eventually(() => dialled().length === 1);
      await terminal.waitFor(/To detach from the console/);
      await terminal.press("Enter");
      await terminal.waitFor(/\/ #/);
      await terminal.press("C-a");
      await pause(150);
      await terminal.press("q");
      await terminal.waitFor(/left 0$/m); // whether the server's last line break comes in time is up to the client
      await nobodyAttached();
      await daemon.run("stop", "--force", "boots");
    }
    await daemon.run("delete", "boots");
  });
}

test("sessions leave no descriptors behind, in the daemon or in liblxc's monitor", async () => {
  const count = () => [daemon.pid, monitorOf("c1")].map((pid) => readdirSync(`/proc/${pid}/fd`).length);
  const use = async () => {
    const session = await post();
    const main = await session.connect("0");
    await eventually(() => dialled().length === 1);
    main.close();
    await session.end();
    await nobodyAttached();
  };
  await use();
  const before = count();
  for (let i = 0; i < 10; i++) await use();
  await eventually(() => count().every((now, i) => now <= (before[i] ?? 0)), { what: "as many are open as before" });
});

test("input that is no terminal is typed, and its end leaves the console", async () => {
  const { code, stdout } = await daemon.berthWith({ input: "\recho piped=$((1+1))\r" }, "console", "c1");
  assert.equal(code, 0, stdout);
  await eventually(async () => (await logOf("c1")).includes("piped=2"));
  await nobodyAttached();
});

test("a daemon that restarts lets go of consoles; the guest does not notice", async () => {
  await using terminal = await openConsole("berth");
  await terminal.type("echo init is $$ here=$((1+2))");
  await terminal.waitFor(/here=3/);
  await daemon.kill9();
  await terminal.waitFor(/^left \d+$/m);
  await terminal.waitFor(/^same$/m);
  await nobodyAttached();
  await daemon.start();
  await using next = await openConsole("berth");
  await next.type("echo back=$((2+3))");
  await next.waitFor(/back=5/);
  await detach(next);
});

test("each use is told to listeners", async () => {
  const ws = await openSocket(daemon, "/1.0/events?type=lifecycle");
  const heard: Record<string, unknown>[] = [];
  ws.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString("utf8")).metadata));
  const session = await post();
  const main = await session.connect("0");
  await eventually(() => heard.length === 1);
  main.close();
  await session.end();
  await logOf("c1");
  await daemon.must("DELETE", url);
  await eventually(() => heard.length === 3);
  assert.deepEqual(heard.map(({ action, source, context }) => [action, source, context]), [
    ["instance-console", "/1.0/instances/c1", { type: "console" }],
    ["instance-console-retrieved", "/1.0/instances/c1", undefined],
    ["instance-console-reset", "/1.0/instances/c1", undefined],
  ]);
  ws.terminate();
});

test("Debian: the login prompt is there, before and after a session", { timeout: 120_000 }, async () => {
  await daemon.run("image", "import", ...(await debianImage()), "--alias", "debian");
  await daemon.run("launch", "debian", "deb");
  await booted(daemon, "deb", "debian");
  for (const client of ["lxc", "berth"]) {
    await using terminal = await openConsole(client, "deb");
    await terminal.waitFor(/deb login:/);
    await detach(terminal);
    const { stdout } = await daemon.berth("exec", "deb", "--", "systemctl", "is-active", "console-getty");
    assert.equal(stdout.trim(), "active");
  }
  await daemon.run("delete", "--force", "deb");
});
