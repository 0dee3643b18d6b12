// berth tui in a real terminal, on a real daemon.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, launch } from "../helpers/guests.ts";
import { Terminal } from "../helpers/terminal.ts";

let daemon: Daemon;
let terminal: Terminal;

before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await launch(daemon, "web");
  terminal = await Terminal.open(daemon, 100, 24);
});

after(async () => {
  await terminal?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

test("shows what runs, with address and use", async () => {
  await terminal.type("berth tui");
  const screen = await terminal.waitFor(/web .*Running +10\.\d+\.\d+\.\d+ .*MiB|web .*Running +10\.\d+\.\d+\.\d+ .*KiB/);
  assert.match(screen, /Berth local: default {2}Instances \(1\)/);
});

test("shows at once what others do", async () => {
  await daemon.run("init", "busybox", "spare");
  await terminal.waitFor(/spare .*Stopped/, 3000);
  await daemon.run("delete", "spare");
  await terminal.waitFor(/Instances \(1\)/, 3000);
});

test("stops an instance after asking, and shows the command that does the same", async () => {
  await terminal.press("x");
  await terminal.waitFor(/Stop web\? {2}y \/ N/);
  await terminal.press("y");
  await terminal.waitFor(/web .*Stopped/);
  await terminal.waitFor(/\$ berth stop web/);
  await terminal.press("s");
  await terminal.waitFor(/web .*Running/);
});

test("takes a snapshot, lists it and deletes it", async () => {
  await terminal.press("S");
  await terminal.waitFor(/Name of the snapshot/);
  await terminal.type("before");
  await terminal.waitFor(/take a snapshot: web: done/);
  await terminal.press("t");
  await terminal.waitFor(/Snapshots of web[^]*before /);
  await terminal.press("d");
  await terminal.press("y");
  await terminal.waitFor(/There is nothing here/);
  await terminal.press("Escape");
  await terminal.waitFor(/Instances \(1\)/);
});

test("tells what an instance is made of, page by page", async () => {
  await terminal.press("Enter");
  await terminal.waitFor(/State +Running/);
  await terminal.press("Tab");
  await terminal.waitFor(/volatile\.eth0\.hwaddr/);
  await terminal.press("Tab");
  await terminal.waitFor(/eth0 {3}\(from a profile\)/);
  await terminal.press("Escape");
});

test("opens a shell in an instance, and is there again after it", async () => {
  await terminal.waitFor(/\? help/);
  await terminal.press("e");
  await terminal.waitFor(/~ #/);
  await terminal.type("echo I am $(hostname); exit");
  await terminal.waitFor(/\$ berth shell web/);
});

test("goes to other views by name, shows help, and says what it does not know", async () => {
  await terminal.type(":storage");
  await terminal.waitFor(/default .*dir .*GiB/);
  await terminal.press("?");
  await terminal.waitFor(/go to a view, a project or a remote/);
  await terminal.press("q");
  await terminal.type(":nonsense");
  await terminal.waitFor(/There is no view "nonsense"/);
  await terminal.type(":instances");
  await terminal.waitFor(/web .*Running/);
});

test("finds its way back when the daemon was away", async () => {
  await daemon.stop();
  await terminal.waitFor(/the server is gone/);
  await daemon.start();
  await terminal.waitFor(/Instances \(1\)$/m, 15_000);
  await daemon.run("stop", "--force", "web");
  await terminal.waitFor(/web .*Stopped/);
});

test("is usable in a small terminal, and says when one is too small", async () => {
  await terminal.resize(80, 24);
  await terminal.waitFor(/web .*Stopped/);
  await terminal.resize(30, 8);
  await terminal.waitFor(/too small/);
  await terminal.resize(100, 24);
  await terminal.waitFor(/web .*Stopped/);
});

test("goes to sleep and comes back, and leaves the terminal as it was", async () => {
  await terminal.press("C-z");
  await terminal.waitFor(/Stopped +berth tui/);
  await terminal.type("fg");
  await terminal.waitFor(/Instances \(1\)/);
  await terminal.press("q");
  await terminal.waitFor(/host>\s*$/);
  await terminal.type("stty -a | tr ' ' '\\n' | grep -cx -e icanon -e echo -e opost");
  await terminal.waitFor(/^3$/m);
});

test("ends by a signal, and gives the terminal back", async () => {
  await terminal.type("berth tui & sleep 2; kill -TERM $!; wait $!; echo ended=$?");
  await terminal.waitFor(/ended=\d+/);
});

test("wants a terminal", async () => {
  const { code, stderr } = await daemon.berth("tui");
  assert.equal(code, 1);
  assert.match(stderr, /needs a terminal/);
});
