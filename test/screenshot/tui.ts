// npm run screenshot: takes the picture of `berth tui` that README.md shows, of real containers.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startDaemon } from "../helpers/daemon.ts";
import { importBusybox } from "../helpers/guests.ts";
import { Terminal } from "../helpers/terminal.ts";
import { renderSvg } from "./svg.ts";

const size = { width: 112, height: 20 };
const target = fileURLToPath(new URL("../../cli/tui/screenshot.svg", import.meta.url));

const busy = "while :; do i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; sleep 0.4; done";

async function take(): Promise<void> {
  await using daemon = await startDaemon();
  await importBusybox(daemon);
  for (const name of ["builder", "cache", "db", "mail", "web1", "web2"]) await daemon.run("launch", "busybox", name);
  for (const name of ["archive", "old-web"]) await daemon.run("init", "busybox", name);
  await daemon.run("snapshot", "db", "before-upgrade");
  await daemon.run("pause", "cache");
  const loads = ["builder", "web1"].map((name) => daemon.berth("exec", "-n", name, "--", "sh", "-c", busy));
  await using terminal = await Terminal.open(daemon, size.width, size.height);
  await terminal.type("berth tui");
  await terminal.waitFor(/web2 .*Running/);
  await new Promise((resolve) => setTimeout(resolve, 36_000)); // the graphs fill
  await terminal.press("j", "j", "S");
  await terminal.type("nightly");
  await terminal.waitFor(/take a snapshot: .*: done/);
  writeFileSync(target, renderSvg(await terminal.coloured(), size.width));
  await terminal.press("q");
  await daemon.run("stop", "--force", "builder", "web1");
  await Promise.all(loads);
}

await take();
process.exit();
