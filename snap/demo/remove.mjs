// npm run demo -- --remove: takes everything away again that the demo made.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { stopLxcfs } from "../setup/lxcfs.mjs";
import { run, say, StepError, step } from "../setup/step.mjs";
import { answers, must } from "./api.mjs";
import { startDaemon, startedHere, stopDaemon } from "./daemon.mjs";

async function removeInstances({ socket }) {
  const instances = await must(socket, "GET", "/1.0/instances?recursion=1");
  for (const { name, status } of instances) {
    if (status !== "Stopped") await must(socket, "PUT", `/1.0/instances/${name}/state`, { action: "stop", force: true, timeout: -1 });
    await must(socket, "DELETE", `/1.0/instances/${name}`);
  }
  return instances.map(({ name }) => name).join(", ") || "none";
}

async function removeImages({ socket }) {
  const images = await must(socket, "GET", "/1.0/images");
  for (const url of images) await must(socket, "DELETE", url);
  return `${images.length}`;
}

/** The default profile names the network and the pool, so it is emptied first. */
async function removeProfiles({ socket }) {
  for (const { name } of await must(socket, "GET", "/1.0/profiles?recursion=1")) {
    if (name === "default") await must(socket, "PUT", "/1.0/profiles/default", { config: {}, description: "", devices: {} });
    else await must(socket, "DELETE", `/1.0/profiles/${name}`);
  }
}

async function removeNetworks({ socket }) {
  const managed = (await must(socket, "GET", "/1.0/networks?recursion=1")).filter((network) => network.managed);
  for (const { name } of managed) await must(socket, "DELETE", `/1.0/networks/${name}`);
  return managed.map(({ name }) => name).join(", ") || "none";
}

async function removePools({ socket }) {
  const pools = await must(socket, "GET", "/1.0/storage-pools?recursion=1");
  for (const { name } of pools) await must(socket, "DELETE", `/1.0/storage-pools/${name}`);
  return pools.map(({ name }) => name).join(", ") || "none";
}

/** What is still mounted below the folder, deepest first. */
function mountsBelow(dir) {
  const points = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n").map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point === dir || point.startsWith(`${dir}/`)).sort().reverse();
}

async function removeFolder({ dir }) {
  if (!existsSync(dir)) return "";
  for (const point of mountsBelow(dir)) await run("umount", [point], { todo: `something still uses ${point}: fuser -vm ${point}` });
  rmSync(dir, { recursive: true, force: true });
  return dir;
}

export async function remove(demo) {
  const running = await answers(demo.socket);
  if (!running && !existsSync(demo.dir)) {
    await step("lxcfs", stopLxcfs);
    return say("  there is nothing to remove");
  }
  if (!running && existsSync(demo.program)) await step("berthd, to remove what it keeps", () => startDaemon(demo));
  if (running && !startedHere(demo) && !demo.force) {
    throw new StepError(
      `the daemon of ${demo.dir} was not started by this demo, so it may hold what others made`,
      "npm run demo -- --remove --force removes all of its instances, images, networks and pools",
    );
  }
  if (await answers(demo.socket)) {
    await step("instances", () => removeInstances(demo));
    await step("images", () => removeImages(demo));
    await step("profiles", () => removeProfiles(demo));
    await step("networks", () => removeNetworks(demo));
    await step("storage pools", () => removePools(demo));
  }
  await step("berthd", () => stopDaemon(demo));
  if (await answers(demo.socket)) return; // somebody else's daemon: its containers need the folder and lxcfs
  await step("folder", () => removeFolder(demo));
  await step("lxcfs", stopLxcfs);
}
