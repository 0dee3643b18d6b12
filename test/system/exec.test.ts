// What a program finds when it is run in a container, and what comes back of it, through both clients.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, inGuest, launch, pidsOf, shell } from "../helpers/guests.ts";
import { signal } from "../helpers/processes.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "c1");
});
after(() => daemon?.[Symbol.asyncDispose]());

const clients = ["lxc", "berth"] as const;
const exec = (client: (typeof clients)[number], ...args: string[]) => daemon[client]("exec", "c1", ...args);

for (const client of clients) {
  test(`${client} exec keeps standard output and error apart, and gives the exit status`, async () => {
    assert.deepEqual(await exec(client, "--", "sh", "-c", "echo out; echo err >&2; exit 7"), { stdout: "out\n", stderr: "err\n", code: 7 });
    assert.deepEqual(await exec(client, "--", "true"), { stdout: "", stderr: "", code: 0 });
    assert.equal((await exec(client, "--", "false")).code, 1);
    assert.equal((await exec(client, "--", "sh", "-c", "exit 255")).code, 255);
  });

  test(`${client} exec tells of a program that is missing or cannot be run, and of one that a signal ended`, async () => {
    const missing = await exec(client, "--", "no-such-program");
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /Command not found/);
    const folder = await exec(client, "--", "/etc");
    assert.equal(folder.code, 126);
    assert.match(folder.stderr, /Command not executable/);
    assert.equal((await exec(client, "--", "/etc/passwd")).code, 126);
    for (const [name, number] of [["KILL", 9], ["TERM", 15], ["SEGV", 11], ["INT", 2]] as const) {
      assert.equal((await exec(client, "--", "sh", "-c", `kill -${name} $$`)).code, 128 + number, name);
    }
  });

  test(`${client} exec gives a program a clean environment with defaults, and the caller's wins`, async () => {
    await daemon.run("config", "set", "c1", "environment.FRUIT=fig", "environment.LANG=de_DE.UTF-8");
    const env = async (...flags: string[]) => (await exec(client, ...flags, "--", "env")).stdout.trim().split("\n").sort();
    const withTerm = (lines: string[]) => lines.filter((line) => !line.startsWith("TERM="));
    assert.deepEqual(withTerm(await env("--env", "MORE=a=b c")), [
      "FRUIT=fig", "HOME=/root", "LANG=de_DE.UTF-8", "MORE=a=b c", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "USER=root", "container=lxc",
    ]);
    assert.ok((await env("--env", "FRUIT=pear")).includes("FRUIT=pear"));
    assert.ok((await env("--env", "HOME=/tmp")).includes("HOME=/tmp"));
    assert.ok((await env("--env", "TERM=vt52")).includes("TERM=vt52"));
    await daemon.run("config", "unset", "c1", "environment.FRUIT");
    await daemon.run("config", "unset", "c1", "environment.LANG");
    assert.ok((await env()).includes("LANG=C.UTF-8"));
  });

  test(`${client} exec starts in the folder and as the user that it is told`, async () => {
    const out = async (...args: string[]) => (await exec(client, ...args)).stdout.trim();
    assert.equal(await out("--", "pwd"), "/root");
    assert.equal(await out("--cwd", "/tmp", "--", "pwd"), "/tmp");
    assert.equal(await out("--cwd", "/etc/init.d", "--", "pwd"), "/etc/init.d");
    assert.equal(await out("--cwd", "/usr/share/berth", "--", "pwd"), "/usr/share/berth");
    assert.equal(await out("--cwd", "/usr/share/berth", "--", "sh", "-c", "echo $0 $#", "a b", "c"), "a b 1");
    assert.equal(await out("--env", "HOME=/home/user", "--", "pwd"), "/home/user");
    assert.equal(await out("--user", "1000", "--group", "1000", "--", "sh", "-c", "id; echo [$HOME][$USER]; pwd"),
      "uid=1000(user) gid=1000(user)\n[][]\n/");
    assert.equal(await out("--user", "1000", "--", "id", "-g"), "0");
    const nowhere = await exec(client, "--cwd", "/no/such/folder", "--", "echo", "ran");
    assert.notEqual(nowhere.code, 0);
    assert.equal(nowhere.stdout, "");
    assert.match(nowhere.stderr, /\/no\/such\/folder/);
  });

  test(`${client} exec feeds standard input, or none at all`, async () => {
    const fed = await daemon[`${client}With`]({ input: "one\ntwo\n" }, "exec", "c1", "--", "cat");
    assert.deepEqual(fed, { stdout: "one\ntwo\n", stderr: "", code: 0 });
    const closed = await daemon[`${client}With`]({ input: "not to be read\n" }, "exec", "c1", "-n", "--", "cat");
    assert.deepEqual(closed, { stdout: "", stderr: "", code: 0 });
    const unread = await shell(daemon, `head -c 5000000 /dev/zero | ${client} exec c1 -- echo did not read`);
    assert.deepEqual(unread, { stdout: "did not read\n", stderr: "", code: 0 });
  });

  test(`${client} exec does not wait for a child in the background that keeps its output open`, async () => {
    const since = Date.now();
    assert.deepEqual(await exec(client, "--", "sh", "-c", "sleep 20.123 & echo started"), { stdout: "started\n", stderr: "", code: 0 });
    assert.ok(Date.now() - since < 10_000);
    const left = pidsOf(daemon, "sleep 20.123");
    assert.equal(left.length, 1);
    signal(left, "SIGKILL");
  });

  test(`${client} exec -t gives a terminal of the container's own, -T none`, async () => {
    const terminal = await exec(client, "-t", "--", "sh", "-c", "tty; stty size; exit 5");
    assert.equal(terminal.code, 5);
    assert.match(terminal.stdout, /^\/dev\/pts\/\d+\r?\n\d+ \d+\r?\n$/);
    assert.deepEqual(await exec(client, "-T", "--", "tty"), { stdout: "not a tty\n", stderr: "", code: 1 });
  });

  test(`${client} exec names what stands in its way`, async () => {
    const told = async (...args: string[]) => (await daemon[client](...args)).stderr;
    assert.match(await told("exec", "nobody", "--", "true"), /Error: Instance not found/);
    await daemon.run("pause", "c1");
    assert.match(await told("exec", "c1", "--", "true"), /Error: Instance is frozen/);
    await daemon.run("start", "c1");
    await daemon.run("init", "busybox", "idle");
    assert.match(await told("exec", "idle", "--", "true"), /is not running/);
    await daemon.run("delete", "idle");
  });
}

test("a program may open /dev/stdout and /dev/stderr by their names", async () => {
  const result = await daemon.lxc("exec", "c1", "--", "sh", "-c", "echo a >/dev/stdout; echo b >/dev/stderr; cat /dev/stdin");
  assert.deepEqual(result, { stdout: "a\n", stderr: "b\n", code: 0 });
  const user = await daemon.lxc("exec", "c1", "--user", "1000", "--group", "1000", "--", "sh", "-c", "echo a >/dev/stdout; echo b >/dev/stderr");
  assert.deepEqual(user, { stdout: "a\n", stderr: "b\n", code: 0 });
});

test("very long arguments and very many variables arrive whole", async () => {
  const long = "x".repeat(100_000);
  assert.equal((await daemon.lxc("exec", "c1", "--", "sh", "-c", "echo ${#1} ${#2} $#", "sh", long, long)).stdout, "100000 100000 2\n");
  const many = Array.from({ length: 2000 }, (_, i) => `argument-${i}`);
  assert.equal((await daemon.lxc("exec", "c1", "--", "sh", "-c", "echo $# $2000", "sh", ...many)).stdout.split(" ")[0], "2000");
  const variables = Array.from({ length: 500 }, (_, i) => ["--env", `VARIABLE_${i}=${"v".repeat(100)}`]).flat();
  assert.equal((await daemon.berth("exec", "c1", ...variables, "--", "sh", "-c", "env | grep -c ^VARIABLE_")).stdout, "500\n");
});

test("arguments that are too long for the kernel fail with a reason, not for ever", async () => {
  const [long, body] = ["y".repeat(200_000), { "wait-for-websocket": false }];
  const reply = await daemon.request("POST", "/1.0/instances/c1/exec", { ...body, command: ["echo", long] });
  const ended = reply.status === 202 ? await daemon.request("GET", `${reply.json.operation}/wait?timeout=20`) : reply;
  const { error, metadata } = ended.json;
  assert.match(metadata?.err || error, /lxc-attach failed: .*E2BIG/, ended.text.slice(0, 400));
  assert.equal((await daemon.lxc("exec", "c1", "--", "echo", "alive")).stdout, "alive\n");
});

test("record-output keeps the output in files that the log endpoints serve and delete", async () => {
  const operation = await daemon.must("POST", "/1.0/instances/c1/exec", {
    command: ["sh", "-c", "echo to out; echo to err >&2; exit 3"], "record-output": true, "wait-for-websocket": false, interactive: false,
  });
  assert.equal(operation.metadata.return, 3);
  const { "1": out, "2": err } = operation.metadata.output;
  assert.match(out, /^\/1\.0\/instances\/c1\/logs\/exec_[0-9a-f-]+\.stdout$/);
  assert.equal((await daemon.request("GET", out)).text, "to out\n");
  assert.equal((await daemon.request("GET", err)).text, "to err\n");
  assert.ok((await daemon.must("GET", "/1.0/instances/c1/logs")).includes(out));
  for (const url of [out, err]) assert.equal((await daemon.request("DELETE", url)).status, 200);
  assert.equal((await daemon.request("GET", out)).status, 404);
});

test("without websockets and files a program just runs, and its status is told", async () => {
  const operation = await daemon.must("POST", "/1.0/instances/c1/exec", { command: ["sh", "-c", "echo gone; : > /tmp/ran; exit 4"] });
  assert.deepEqual([operation.class, operation.metadata.return], ["task", 4]);
  await eventually(() => inGuest(daemon, "c1", "test -e /tmp/ran && echo yes"));
});

test("a request for an exec that makes no sense is refused at once", async () => {
  const ask = (body: unknown) => daemon.request("POST", "/1.0/instances/c1/exec", body);
  for (const body of [{}, { command: [] }, { command: "ls" }, { command: ["a\0b"] }, { command: ["ls"], environment: { "A=B": "c" } }, { command: ["ls"], user: "root" }]) {
    const reply = await ask(body);
    assert.equal(reply.status, 400, JSON.stringify(body));
    assert.equal(reply.json.type, "error");
  }
});
