// npm run setup: makes a bare Debian 12 or 13 ready to build and run Berth. Safe to run again at any time.
// Plain Node, no packages: it runs before anything is installed. With --tests it also installs what the tests want.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startLxcfs } from "./setup/lxcfs.mjs";
import { ensureSqlite, installModules, staleness } from "./setup/node-modules.mjs";
import { install, missing, section } from "./setup/packages.mjs";
import { script, StepError, step } from "./setup/step.mjs";
import { ensureSubids } from "./setup/subids.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new StepError(
      `this is Node ${process.versions.node}; Berth needs 20.19 or newer`,
      "install a newer Node (Debian 13 has one: apt install nodejs npm), then run it again",
    );
  }
  return `Node ${process.versions.node}`;
}

function checkMachine() {
  if (process.platform !== "linux") throw new StepError(`this is ${process.platform}`, "Berth runs on Linux only");
  if (process.getuid() !== 0) throw new StepError("not run by root", "sudo npm run setup");
  if (!existsSync("/usr/bin/apt-get")) {
    throw new StepError("there is no apt-get", `install by hand what snap/packages.txt lists, then: npm ci && npm run build`);
  }
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  return name ?? "Linux with apt";
}

async function debianPackages(names) {
  const left = await missing(names);
  await install(left);
  return left.length === 0 ? `all ${names.length} installed` : `installed ${left.join(" ")}`;
}

async function modules() {
  const why = staleness(root);
  if (why) await installModules(root);
  return why ? `installed (${why})` : "as the lock file says";
}

export async function setup({ tests = false } = {}) {
  await step("Node", checkNode);
  await step("machine", checkMachine);
  await step("Debian packages", () => debianPackages([...section("always"), ...(tests ? section("tests") : [])]));
  await step("node_modules", modules);
  await step("better-sqlite3", () => ensureSqlite(root));
  await step("ids for containers", ensureSubids);
  if (!tests) await step("lxcfs", startLxcfs); // each daemon under test starts one of its own, and nothing is left running
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await script("set-up", () => setup({ tests: process.argv.includes("--tests") }));
}
