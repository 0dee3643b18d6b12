// What the demo shows once the container runs: its processes from inside, and the same ones from the host.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { say, StepError } from "../setup/step.mjs";
import { call, must } from "./api.mjs";

/** Shows a command of the client and runs it on this terminal. */
export function showCommand({ berth, env }, ...args) {
  say(`\n$ berth ${args.join(" ")}`);
  const result = spawnSync(berth, args, { env, stdio: ["ignore", "inherit", "inherit"] });
  if (result.status !== 0) throw new StepError(`berth ${args.join(" ")} ended with status ${result.status}`, "its own words are above");
}

/** Waits for the container's IPv4 address, as `berth list` would show it. */
export async function waitForAddress({ socket, name }, limit = 30_000) {
  const since = Date.now();
  for (;;) {
    const { status, network } = await must(socket, "GET", `/1.0/instances/${name}/state`);
    const cards = Object.entries(network ?? {}).filter(([card]) => card !== "lo");
    const found = cards.flatMap(([, card]) => card.addresses).find(({ family, scope }) => family === "inet" && scope === "global");
    if (found) return found.address;
    if (Date.now() - since > limit) {
      const seen = cards.map(([card, { state }]) => `${card} is ${state}`).join(", ") || "it has no network card";
      throw new StepError(
        `no IPv4 address after ${limit / 1000} s: the container is ${status}, ${seen}`,
        `see: berth exec ${name} -- networkctl status eth0, and berth network show of its bridge; a firewall on the host may drop DHCP (udp 67)`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The processes whose user namespace is that of a process. */
function sameNamespace(pid) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, "utf8"))?.[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {} // it has ended
  }
  const found = [pid];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]) ?? []));
  return found;
}

/** Shows on the host that root in the container is nobody special outside. */
export async function showIsolation({ socket, name }) {
  const { metadata } = await call(socket, "GET", `/1.0/instances/${name}/state`);
  const { pid } = metadata;
  const map = readFileSync(`/proc/${pid}/uid_map`, "utf8");
  say(`\n$ cat /proc/${pid}/uid_map      # on the host: id in the container, id on the host, how many`);
  process.stdout.write(map);
  say(`\n$ ps -o uid,user,pid,cmd …      # on the host: root of the container is not root here`);
  const pids = sameNamespace(pid).slice(0, 8).join(",");
  spawnSync("ps", ["-o", "uid,user,pid,cmd", "--pid", pids], { stdio: ["ignore", "inherit", "inherit"] });
  const uid = Number(/^Uid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  if (!(uid >= 100_000)) throw new StepError(`the container's init runs as uid ${uid} of the host: it is privileged`);
}
