// Programs in a real terminal, through both clients: sizes, keys, and the terminal as it was afterwards.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, inGuest, launch, pidsOf } from "../helpers/guests.ts";
import { Terminal } from "../helpers/terminal.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "c1");
});
after(() => daemon?.[Symbol.asyncDispose]());

/** Opens a shell of the container in a terminal; its prompt is "guest>". */
async function openGuest(client: string, width = 100, height = 30): Promise<Terminal> {
  const terminal = await Terminal.open(daemon, width, height);
  await terminal.type(`${client} exec c1 --env PS1='guest> ' -- sh`);
  await terminal.waitFor(/^guest>$/m);
  return terminal;
}

for (const client of ["lxc", "berth"]) {
  test(`${client}: a shell has a terminal of its own, with the size and TERM of the one outside`, async () => {
    await using terminal = await openGuest(client, 97, 31);
    await terminal.type("tty; stty size; echo T=$TERM");
    const screen = await terminal.waitFor(/T=\S+\nguest>$/);
    assert.match(screen, /^\/dev\/pts\/\d+\n31 97\nT=screen-256color$/m);
    await terminal.resize(120, 40);
    await eventually(async () => {
      await terminal.type("clear; stty size");
      await terminal.waitFor(/^40 120\nguest>$/m, 500);
      return true;
    }, { what: "the guest knows the new size" });
  });

  test(`${client}: Ctrl-C interrupts, Ctrl-Z suspends, fg goes on, Ctrl-D ends`, async () => {
    await using terminal = await openGuest(client);
    await terminal.type("sleep 61.61");
    await eventually(() => pidsOf(daemon, "sleep 61.61").length === 1);
    await terminal.press("C-c");
    await eventually(() => pidsOf(daemon, "sleep 61.61").length === 0, { what: "Ctrl-C has ended sleep" });
    await terminal.type("echo interrupted $?");
    await terminal.waitFor(/^interrupted 130$/m);
    await terminal.type("cat");
    await eventually(() => daemon.namespace.family().some(({ command }) => command === "cat"), { what: "cat runs" });
    await terminal.type("before");
    await terminal.waitFor(/^before\nbefore$/m);
    await terminal.press("C-z");
    await terminal.waitFor(/Stopped[^\n]*\nguest>$/);
    await terminal.type("fg");
    await terminal.waitFor(/^fg\ncat$|^guest> fg\ncat$/m);
    await terminal.type("again");
    await terminal.waitFor(/^again\nagain$/m);
    await terminal.press("C-d");
    await terminal.waitFor(/again\nguest>$/);
    await terminal.type("(exit 9)");
    await terminal.press("C-d");
    await terminal.waitFor(/^host>$/m);
    await terminal.type("echo ended $?");
    await terminal.waitFor(/^ended 9$/m);
  });

  test(`${client}: the terminal is as it was before, whatever the program did to its own, and however it ended`, async () => {
    await using terminal = await Terminal.open(daemon);
    await terminal.type("stty -a > before; cd /; echo noted");
    await terminal.waitFor(/^noted$/m);
    const same = async (command: string, status: number) => {
      await terminal.type(`${command}; echo "status $?"; stty -a | cmp - $OLDPWD/before && echo "same ${status}"`);
      await terminal.waitFor(new RegExp(`^status ${status}$`, "m"));
      await terminal.waitFor(new RegExp(`^same ${status}$`, "m"));
    };
    await same(`${client} exec c1 -- sh -c 'stty raw -echo; exit 3'`, 3);
    await same(`${client} exec c1 -- no-such-program`, 127);
    await same(`${client} exec c1 -- sh -c 'kill -9 $$'`, 137);
    await same(`${client} exec -T c1 -- sh -c 'exit 4'`, 4);
    await same(`${client} exec c1 -- true`, 0);
  });

  test(`${client}: lines end once, and letters of any alphabet come through both ways`, async () => {
    await using terminal = await Terminal.open(daemon);
    await terminal.type(`${client} exec c1 -- sh -c 'printf "a\\nb\\n"' | od -c; echo done 1`);
    assert.match(await terminal.waitFor(/^done 1$/m), /^0000000 +a +\\n +b +\\n$/m);
    await terminal.type(`script -qec "${client} exec c1 -- echo x" raw >/dev/null; grep -x "x." raw | od -c; echo done 2`);
    assert.match(await terminal.waitFor(/^done 2$/m), /^0000000 +x +\\r +\\n$/m);
    await terminal.type(`${client} exec c1 -- sh -c 'read line; echo "[$line]" | tee /tmp/read'`);
    await eventually(() => pidsOf(daemon, "tee /tmp/read").length === 1);
    await terminal.type("grüße 日本語 🚢");
    await terminal.waitFor(/^\[grüße 日本語 🚢\]$/m);
    assert.equal(await inGuest(daemon, "c1", "cat /tmp/read"), "[grüße 日本語 🚢]");
  });

  test(`${client}: a paste of 64 KiB arrives whole`, async () => {
    await using terminal = await openGuest(client);
    const text = Array.from({ length: 1024 }, (_, i) => `${String(i).padStart(5)} ${"abcdefghij".repeat(6).slice(0, 57)}\n`).join("");
    assert.equal(text.length, 65_536);
    await terminal.type("stty -echo; cat > /tmp/pasted; stty echo; echo pasted");
    await eventually(() => inGuest(daemon, "c1", "test -e /tmp/pasted && echo yes"));
    await terminal.paste(text);
    await eventually(async () => (await inGuest(daemon, "c1", "wc -c < /tmp/pasted")) === "65536", { timeout: 20_000, what: "all was written" });
    await terminal.press("C-d");
    await terminal.waitFor(/^pasted$/m);
    const sum = createHash("sha256").update(text).digest("hex");
    assert.equal((await inGuest(daemon, "c1", "sha256sum < /tmp/pasted")).split(" ")[0], sum);
    await inGuest(daemon, "c1", "rm /tmp/pasted");
  });

  test(`${client}: a long listing arrives whole and in order`, async () => {
    await using terminal = await Terminal.open(daemon);
    for (let i = 0; i < 10; i++) {
      const check = `tr -d '\\r' < raw | grep '^[0-9][0-9]*$' > got; seq 1 20000 | cmp - got && echo same ${i} $(wc -l < got)`;
      await terminal.type(`script -qec "${client} exec c1 -- seq 1 20000" raw >/dev/null; ${check}`);
      await terminal.waitFor(new RegExp(`^same ${i} 20000$`, "m"), 20_000);
    }
  });
}

test("berth shell opens a login shell and hands on its exit status", async () => {
  await using terminal = await Terminal.open(daemon);
  await terminal.type("berth shell c1; echo left $?");
  await terminal.waitFor(/[#$~]$/);
  await terminal.type("echo name=$(hostname) home=$PWD; exit 6");
  assert.match(await terminal.waitFor(/^left 6$/m), /^name=c1 home=\/root$/m);
});
