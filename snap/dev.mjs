// npm run dev: builds, runs berthd in the foreground with its debug log, and starts it again after each change of the sources.
// Containers keep running meanwhile. BERTH_DIR (default /var/lib/berth-dev) keeps it apart from a daemon in use.
import { spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";
import { say, script } from "./setup/step.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const env = { ...process.env, BERTH_DIR: process.env.BERTH_DIR || "/var/lib/berth-dev" };
let child;
let timer;
let busy = Promise.resolve();

async function ended() {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

async function restart() {
  process.exitCode = 0;
  await script("build", () => build());
  if (process.exitCode) return say("  waiting for a change");
  await ended();
  child = spawn(`${root}dist/berthd`, ["--debug", ...process.argv.slice(2)], { env, stdio: "inherit" });
}

for (const folder of ["server", "images", "networks", "cli"]) {
  if (!existsSync(root + folder)) continue;
  watch(root + folder, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = busy.then(restart);
    }, 200);
  });
}
process.on("SIGINT", () => ended().then(() => process.exit(0)));
process.on("SIGTERM", () => ended().then(() => process.exit(0)));
say(`BERTH_DIR=${env.BERTH_DIR}: use it with BERTH_DIR=${env.BERTH_DIR} dist/berth list`);
await restart();
