// What a daemon has on the machine that belongs to no instance or image of its own: half-made files, mounts, cards, cgroups.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cgroupRoot } from "./cgroups.ts";
import type { Daemon } from "./daemon.ts";

interface Instance {
  name: string;
  status: string;
  config: Record<string, string>;
  expanded_config: Record<string, string>;
  expanded_devices: Record<string, Record<string, string>>;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Mount points in the daemon's namespace. */
export async function mountsOf(daemon: Daemon): Promise<string[]> {
  const { stdout } = await daemon.inNamespace("cat", "/proc/self/mountinfo");
  return stdout.split("\n").map((line) => line.split(" ")[4] ?? "").filter((point) => point.startsWith(daemon.dir));
}

/** Files of this daemon's that loop devices are bound to. */
export function loopFiles(daemon: Daemon): string[] {
  return list("/sys/block").map((device) => read(`/sys/block/${device}/loop/backing_file`).trim()).filter((file) => file.startsWith(daemon.dir));
}

/** Cgroups of containers of these names. */
export function cgroupsOf(names: RegExp): string[] {
  const roots = new Set(["/sys/fs/cgroup", ...list("/sys/fs/cgroup").flatMap((name) => [`/sys/fs/cgroup/${name}`, cgroupRoot(name)])]);
  return [...roots].flatMap((root) => {
    let entries: string[] = [];
    try {
      entries = readdirSync(root);
    } catch {} // a file
    return entries.filter((entry) => names.test(/^lxc\.(?:payload|monitor)\.(.*)$/.exec(entry)?.[1] ?? "")).map((entry) => `${root}/${entry}`);
  });
}

/** What is there still after a while: liblxc clears away some things when everybody has been answered. */
export async function remains(daemon: Daemon, names: RegExp): Promise<string[]> {
  for (const until = Date.now() + 3000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await remainsNow(daemon, names);
    if (found.length === 0 || Date.now() > until) return found;
  }
}

/** `names`: what instances of the calling test are called, and nobody else's on this machine. */
async function remainsNow(daemon: Daemon, names: RegExp): Promise<string[]> {
  const instances: Instance[] = await daemon.must("GET", "/1.0/instances?recursion=1");
  const images: string[] = (await daemon.must("GET", "/1.0/images")).map((url: string) => url.split("/").at(-1));
  const known = new Set(instances.map(({ name }) => name));
  const running = instances.filter(({ status }) => status !== "Stopped");
  const inUse = new Set([...images, ...instances.map(({ config }) => config["volatile.base_image"])]);
  const strangers = (folder: string, knows: (name: string) => boolean) => list(`${daemon.dir}/${folder}`).filter((name) => !knows(name)).map((name) => `${folder}/${name}`);
  const found = ["logs", "devices", "security/seccomp", "containers"].flatMap((folder) => strangers(folder, (name) => known.has(name)));
  found.push(...strangers("images", (name) => images.includes(name.replace(/\.rootfs$/, ""))));
  for (const pool of list(`${daemon.dir}/storage-pools`)) {
    found.push(...strangers(`storage-pools/${pool}/containers`, (name) => known.has(name)));
    found.push(...strangers(`storage-pools/${pool}/images`, (name) => inUse.has(name)));
    found.push(...strangers(`storage-pools/${pool}/mounts`, () => false));
  }
  for (const network of list(`${daemon.dir}/networks`)) {
    found.push(...strangers(`networks/${network}/dnsmasq.hosts`, (name) => known.has(name.split(".")[0] ?? "")));
  }
  found.push(...(await mountsOf(daemon)).filter((point) => point.includes("/mounts/")).map((point) => `mount ${point}`));
  const cards = new Set(running.map(({ config }) => config["volatile.eth0.host_name"]));
  const { stdout } = await daemon.inNamespace("ls", "/sys/class/net");
  found.push(...stdout.split("\n").filter((card) => card.startsWith("veth") && !cards.has(card)).map((card) => `card ${card}`));
  const proxied = running.flatMap(({ expanded_devices }) => Object.values(expanded_devices).filter(({ type }) => type === "proxy"));
  if (proxied.length === 0) {
    found.push(...list(`${daemon.dir}/proxies`).map((name) => `proxies/${name}`));
    const { stdout: chains } = await daemon.inNamespace("nft", "list", "chains", "inet");
    found.push(...[...chains.matchAll(/chain (nat(?:in|out|back)\.\S+)/g)].map(([, name]) => `chain ${name}`));
  }
  const alive = new Set(running.map(({ name }) => name));
  found.push(...cgroupsOf(names).filter((path) => !alive.has(path.replace(/.*\.(?:payload|monitor)\./, ""))));
  return found;
}
