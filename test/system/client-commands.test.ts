// What `berth` has that `lxc` has not, against real containers.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec } from "../helpers/exec.ts";
import { clientEnv, importBusybox, launch, shell } from "../helpers/guests.ts";
import { Terminal } from "../helpers/terminal.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
let folder: string;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "one", "-c", "limits.memory=64MiB");
  await launch(daemon, "two");
  folder = `${dirname(daemon.dir)}/files`;
  mkdirSync(folder);
});
after(() => daemon?.[Symbol.asyncDispose]());

const names = async () => (await daemon.run("list", "-c", "n", "-f", "csv")).trim().split("\n").sort();

test("run: a command in an instance that is gone afterwards, whatever becomes of it", async () => {
  const { stdout, code } = await daemon.berthWith({ input: "from outside" }, "run", "busybox", "-c", "user.x=1", "--", "sh", "-c", "cat; echo; hostname; exit 5");
  assert.deepEqual([stdout.split("\n")[0], code], ["from outside", 5]);
  assert.match(stdout.split("\n")[1] ?? "", /^run-[0-9a-f]{8}$/);
  assert.equal((await daemon.berth("run", "busybox", "--", "no-such-command")).code, 127);
  assert.equal((await daemon.berth("run", "nothing", "--", "true")).code, 1);
  assert.deepEqual(await names(), ["one", "two"]);
  const ended = await shell(daemon, "berth run busybox --name halfway -- sleep 61.73 & pid=$!; until berth exec halfway -- pidof sleep >/dev/null 2>&1; do sleep 0.2; done; kill -TERM $pid; wait $pid");
  assert.equal(ended.code, 143);
  assert.deepEqual(await names(), ["one", "two"]);
  const early = await shell(daemon, "berth run busybox --name early -- sleep 61.73 & pid=$!; until berth info early >/dev/null 2>&1; do sleep 0.05; done; kill -TERM $pid; wait $pid");
  assert.ok([141, 143].includes(early.code), `${early.code}: ${early.stderr}`); // lxc-attach that is ended while it attaches tells of its own pipe
  assert.deepEqual(await names(), ["one", "two"]);
});

test("exec in several: whole lines with names before them, and a table of exits", async () => {
  const some = await daemon.berth("exec", "one,two", "--", "sh", "-c", "hostname; printf rest; hostname >&2; test $(hostname) = one");
  assert.deepEqual(some.stdout.trim().split("\n").sort(), ["one | one", "one | rest", "two | rest", "two | two"]);
  assert.match(some.stderr, /^one \| one$/m);
  assert.match(some.stderr, /\| one +\| 0 +\|\n[^\n]*\n\| two +\| 1 +\|/);
  assert.equal(some.code, 1);
  const all = await daemon.berth("-q", "exec", "--all", "--", "true");
  assert.deepEqual([all.code, all.stdout, all.stderr], [0, "", ""]);
  assert.equal((await daemon.berth("exec", "one,nobody", "--", "true")).code, 1);
});

test("wait: for addresses, states, commands and readiness, and gives up when told to", async () => {
  await Promise.all([["ip"], ["ipv4"], ["ready"], ["status=running"], ["exec", "test", "-e", "/etc/passwd"]].map((words) => daemon.run("wait", "one", "-t", "20", ...words)));
  await daemon.run("init", "busybox", "late");
  const waited = daemon.berth("wait", "late", "exec", "--", "test", "-e", "/run/booted");
  const stopped = await daemon.berth("wait", "late", "--timeout", "1", "status=running");
  assert.deepEqual([stopped.code, /Gave up after 1 s/.test(stopped.stderr)], [1, true]);
  await daemon.run("start", "late");
  assert.equal((await waited).code, 0);
  await daemon.run("delete", "-f", "late");
  assert.equal((await daemon.berth("wait", "one", "status=stopped", "-t", "0")).code, 1);
  assert.match((await daemon.berth("wait", "one", "rady")).stderr, /did you mean "ready"/);
  assert.match((await daemon.berth("wait", "nobody", "ready")).stderr, /Instance not found/);
});

test("logs: the console's history, its last lines, and what is written from now on", async () => {
  await daemon.run("exec", "one", "--", "sh", "-c", "echo first line > /dev/console; echo second line > /dev/console");
  await eventually(async () => /first line\r?\n.*second line/s.test(await daemon.run("logs", "one")));
  assert.match((await daemon.run("logs", "one", "-n", "1")).trim(), /^second line$/);
  const followed = shell(daemon, "timeout 6 berth logs -f -n 0 one & sleep 1; berth exec one -- sh -c 'echo third line > /dev/console'; wait");
  assert.match((await followed).stdout, /^third line/);
  assert.match((await daemon.berth("logs", "one", "-u", "nginx")).stderr, /has no journal/);
});

test("file copy: either way, folders and files", async () => {
  mkdirSync(`${folder}/site/deep`, { recursive: true });
  writeFileSync(`${folder}/site/deep/page`, "hello");
  const at = { cwd: folder };
  for (const words of [["site", "one/srv/", "-p"], ["one/srv/site/deep/page", "./page"], ["one/srv/site", "./back"]]) {
    const done = await exec(berthPath, ["file", "cp", ...words], { ...at, env: clientEnv(daemon) });
    assert.equal(done.code, 0, `${words.join(" ")}: ${done.stderr}`);
  }
  assert.equal(readFileSync(`${folder}/page`, "utf8"), "hello");
  assert.equal(readFileSync(`${folder}/back/site/deep/page`, "utf8"), "hello");
  assert.match((await daemon.berth("file", "cp", "one/etc/hosts", "two/etc/")).stderr, /One side has to be an instance/);
});

test("config explain: who gives what, and what it stands in for", async () => {
  await daemon.run("profile", "create", "small");
  await daemon.run("profile", "set", "small", "limits.memory=32MiB", "limits.processes=100");
  await daemon.run("profile", "add", "one", "small");
  const rows = (await daemon.run("config", "explain", "one", "-f", "csv")).trim().split("\n");
  assert.ok(rows.includes("limits.memory,64MiB,instance,32MiB (profile small)"), rows.join("\n"));
  assert.ok(rows.includes("limits.processes,100,profile small,"));
  assert.ok(rows.some((row) => row.startsWith("device root,") && row.includes("profile default")));
  assert.match((await daemon.berth("config", "explain", "one", "limits.cpu")).stderr, /Nothing sets "limits.cpu"/);
});

test("list --watch and top show what happens, and leave the terminal as it was", async () => {
  await using terminal = await Terminal.open(daemon);
  await terminal.type("stty -g > before; berth list --watch -c ns; stty -g | cmp - before && echo same");
  await terminal.waitFor(/\| two +\| RUNNING/);
  await daemon.run("pause", "two");
  await terminal.waitFor(/\| two +\| FROZEN/);
  await terminal.press("q");
  await terminal.waitFor(/^same$/m);
  await daemon.run("start", "two");
  await terminal.type("clear; berth top -d 1; stty -g | cmp - before && echo same again");
  await terminal.waitFor(/NAME +CPU +MEMORY[^\n]*\n[^]*two +\d+\.\d%/);
  await terminal.press("C-c");
  await terminal.waitFor(/^same again$/m);
  assert.match(await daemon.run("top"), /^ +NAME +CPU[^]*one +\d+\.\d%/);
});

test("edit: a text that is refused is offered again, and is kept when it is given up", async () => {
  const editor = `${folder}/editor`;
  writeFileSync(editor, '#!/bin/sh\nif [ -e "$0.again" ]; then sed -i "s/no.such.key/user.good/" "$1"; else touch "$0.again"; sed -i "s/^config:.*/config:\\n  no.such.key: mine/" "$1"; fi\n', { mode: 0o755 });
  await using terminal = await Terminal.open(daemon);
  await terminal.type(`EDITOR=${editor} berth profile edit small`);
  await terminal.waitFor(/no\.such\.key[^]*Press enter to open the editor again/);
  await terminal.press("Enter");
  await eventually(async () => (await daemon.run("profile", "get", "small", "user.good")).trim() === "mine");
  writeFileSync(editor, '#!/bin/sh\nsed -i "s/^config:.*/config:\\n  no.such.key: mine/" "$1"\n', { mode: 0o755 });
  await terminal.type(`echo second; TMPDIR=${folder} EDITOR=${editor} berth profile edit small; echo left $?`);
  await terminal.waitFor(/^second\n[^]*Press enter to open the editor again/m);
  await terminal.press("C-c");
  const [, kept = ""] = /your text is kept in (\S+)\./.exec(await terminal.waitFor(/^left 1$/m)) ?? [];
  assert.ok(existsSync(kept) && readFileSync(kept, "utf8").includes("no.such.key: mine"));
});

test("aliases, completion and a script that uses lxc", async () => {
  await daemon.run("alias", "add", "names", "list -c n -f csv");
  assert.equal(await daemon.run("names", "on"), "one\n");
  assert.match(await daemon.run("alias", "list"), /\| names +\| list -c n -f csv +\|/);
  assert.deepEqual((await daemon.run("__complete", "--", "stop", "t")).trim().split("\n"), ["two"]);
  assert.deepEqual((await daemon.run("__complete", "--", "launch", "busybox", "x", "-p", "")).trim().split("\n").filter((name) => !name.includes(":")), ["default", "small"]);
  assert.equal((await shell(daemon, "alias lxc=berth; lxc config set one user.a=b && lxc config get one user.a")).stdout, "b\n");
});

test("errors say what was meant, and what would be lost is asked for", async () => {
  assert.match((await daemon.berth("info", "oen")).stderr, /^Error: Instance not found\nHint: did you mean "one"\?/);
  assert.match((await daemon.berth("profile", "show", "smal")).stderr, /did you mean "small"\?/);
  assert.match((await daemon.berth("query", "/1.0/nonsense")).stderr, /^Error: not found\nHint: the server does not know this request/i);
  for (const list of ["config trust", "auth identity", "profile", "network", "storage", "project", "operation", "warning"]) {
    assert.match((await daemon.berth(...list.split(" "), "list", "one")).stderr, /^Error: Filtering isn't supported yet$/m, list);
  }
  const refused = await daemon.berth("delete", "--all", "--force");
  assert.deepEqual([refused.code, /Not deleting 2 instances unasked/.test(refused.stderr), await names()], [1, true, ["one", "two"]]);
});

/** Leaf commands whose server side is not there, with the words that each wants. */
const unserved: Record<string, string> = {
  "network acl": "create a;delete a;edit a;get a k;list;rename a b;set a k v;show a;show-log a;unset a k",
  "network acl rule": "add a ingress action=allow;remove a ingress",
  "network forward": "create n 10.0.0.1;delete n 10.0.0.1;edit n 10.0.0.1;get n 10.0.0.1 k;list n;set n 10.0.0.1 k v;show n 10.0.0.1;unset n 10.0.0.1 k",
  "network forward port": "add n 10.0.0.1 tcp 80 10.0.0.2;remove n 10.0.0.1",
  "network zone": "create z;delete z;edit z;get z k;list;set z k v;show z;unset z k",
  "network zone record": "create z r;delete z r;edit z r;get z r k;list z;set z r k v;show z r;unset z r k",
  "network zone record entry": "add z r A 10.0.0.1;remove z r A 10.0.0.1",
};

test("commands that the server is too old for say so, and do nothing", async () => {
  for (const [group, commands] of Object.entries(unserved)) {
    await Promise.all(commands.split(";").map(async (words) => {
      const { code, stderr } = await daemon.berthWith({ input: "description: x\n" }, ...group.split(" "), ...words.split(" "));
      assert.deepEqual([code, /^Error: The server is missing the required "network_\w+" API extension\nHint: /.test(stderr)], [1, true], `${group} ${words}: ${stderr}`);
    }));
  }
});

test("pipes that close early end it without a word", async () => {
  const { stderr, stdout } = await shell(daemon, "berth list --help | head -n 1; berth query /1.0 | head -c 5; berth exec one -- yes | head -n 1");
  assert.deepEqual([stderr, stdout], ["", "Description:\n{\n\t\"ay\n"]);
});

test("delete --all: all of them, when it is meant", async () => {
  await using terminal = await Terminal.open(daemon);
  await terminal.type("berth delete --all --force; echo left $?");
  await terminal.waitFor(/project "default":\n +one\n +two\nDelete all 2 of them \(yes\/no\)/);
  await terminal.type("no");
  await terminal.waitFor(/^left 1$/m);
  await daemon.run("delete", "--all", "--force", "--yes");
  assert.equal(await daemon.run("list", "-c", "n", "-f", "csv"), "");
});
