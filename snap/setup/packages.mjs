// Debian packages: which are wanted, which are missing, and their installation.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { run, StepError } from "./step.mjs";

/** The names of a section of packages.txt. */
export function section(name) {
  const names = [];
  let at = "";
  for (const line of readFileSync(new URL("../packages.txt", import.meta.url), "utf8").split("\n")) {
    const text = line.replace(/#.*/, "").trim();
    if (/^\[.*\]$/.test(text)) at = text.slice(1, -1);
    else if (text && at === name) names.push(text);
  }
  return names;
}

/** Those of the packages that are not installed. */
export async function missing(names) {
  const out = await run("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...names], { ok: [0, 1] });
  const installed = new Set(out.split("\n").filter((line) => line.endsWith(" installed")).map((line) => line.split(" ")[0]));
  return names.filter((name) => !installed.has(name));
}

/** Whether apt has package lists at all, and none of them is older than a week. */
function listsAreFresh() {
  const folder = "/var/lib/apt/lists";
  try {
    const lists = readdirSync(folder).filter((name) => /_(In)?Release$/.test(name));
    return lists.length > 0 && lists.every((name) => Date.now() - statSync(`${folder}/${name}`).ctimeMs < 7 * 86_400_000);
  } catch {
    return false;
  }
}

const env = () => ({ ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" });
const lock = ["-o", "DPkg::Lock::Timeout=120"];

async function update() {
  await run("apt-get", [...lock, "-q", "update"], {
    env: env(),
    todo: "check the network and the archives in /etc/apt, then run it again",
  });
}

/** Installs packages, after `apt-get update` when apt's lists are missing, old, or name files that are gone. */
export async function install(names) {
  if (names.length === 0) return;
  const args = [...lock, "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "install", ...names];
  const todo = `run it by hand to see more: apt-get install --no-install-recommends ${names.join(" ")}`;
  const fresh = listsAreFresh();
  if (!fresh) await update();
  try {
    await run("apt-get", args, { env: env(), todo });
  } catch (error) {
    if (!fresh) throw error;
    await update();
    await run("apt-get", args, { env: env(), todo });
  }
  const left = await missing(names);
  if (left.length > 0) throw new StepError(`still not installed: ${left.join(", ")}`, todo);
}
