// A nic that is an interface of the host's itself: it goes into the guest, and comes back as it was. liblxc brings it
// back when a guest stops in order. For all other ends the daemon holds the guest's network namespace: what is in one
// that nobody holds any more goes to the machine's first, or ceases to exist.
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import type { Config } from "../../api/schemas.ts";
import { openNetlinkIn, readLinks } from "../../host/netlink.ts";
import { run } from "../../host/run.ts";
import { log } from "../../log.ts";
import type { DeviceCall, DeviceParts, Guest } from "../device.ts";
import { deviceFailure } from "./failure.ts";
import { assertNameFree, findLink, linksOf } from "./guest.ts";
import { runIp } from "./ip.ts";
import { guestName } from "./names.ts";
import { adoptVlan, assertParent, ensureVlan, isThere, parentOf, releaseVlan } from "./vlan.ts";
import type { NicWork } from "./work.ts";

interface Held {
  /** The guest's network namespace. */
  namespace: number;
  /** Its number there: a guest may rename it. */
  index: number | undefined;
  owner: string;
  device: string;
}

/** What is in a guest now, by its name on the host. */
const held = new Map<string, Held>();

const ownerOf = ({ instance }: DeviceCall): string => instance.systemName;
const isOurs = (call: DeviceCall, { owner, device }: Held): boolean => owner === ownerOf(call) && device === call.name;
const isUp = (name: string): boolean => (Number(readOf(name, "flags")) & 1) !== 0;
const readOf = (name: string, file: string): string => readFileSync(`/sys/class/net/${name}/${file}`, "utf8").trim();

/** Throws `device_start_failed` when the parent is in another guest, or nowhere. */
function assertFree(call: DeviceCall): void {
  const other = held.get(parentOf(call.options));
  if (other && !isOurs(call, other)) throw deviceFailure(call, `Parent device "${parentOf(call.options)}" is in use by instance "${other.owner}"`);
  assertParent(call);
}

/** Writes down what it was like. Gives its name on the host. */
async function take(call: DeviceCall): Promise<string> {
  assertFree(call);
  await ensureVlan(call);
  const { volatile } = call;
  const name = parentOf(call.options);
  volatile["host_name"] = name;
  volatile["last_state.created"] ??= "false";
  volatile["last_state.mtu"] = readOf(name, "mtu");
  volatile["last_state.hwaddr"] = readOf(name, "address");
  volatile["last_state.up"] = String(isUp(name));
  return name;
}

async function prepare(call: DeviceCall): Promise<DeviceParts> {
  const name = await take(call);
  const { hwaddr, mtu } = call.options;
  return {
    nic: [
      ["type", "phys"], ["flags", "up"], ["link", name], ["name", guestName(call)],
      ...(hwaddr ? [["hwaddr", hwaddr.toLowerCase()] as const] : []), ...(mtu ? [["mtu", mtu] as const] : []),
    ],
    started: (guest) => hold(call, guest),
  };
}

function hold(call: DeviceCall, guest: Guest): void {
  const name = call.volatile["host_name"] ?? "";
  const namespace = openSync(`/proc/${guest.init}/ns/net`, "r");
  letGo(name);
  held.set(name, { namespace, index: findLink(call, linksOf(guest))?.index, owner: ownerOf(call), device: call.name });
}

function letGo(name: string): void {
  const one = held.get(name);
  if (one) closeSync(one.namespace);
  held.delete(name);
}

async function attach(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  assertFree(call);
  const inside = assertNameFree(call, guest);
  const name = await take(call);
  note();
  const { hwaddr, mtu } = call.options;
  await runIp([
    `link set dev ${name} down`,
    ...(hwaddr ? [`link set dev ${name} address ${hwaddr.toLowerCase()}`] : []), ...(mtu ? [`link set dev ${name} mtu ${mtu}`] : []),
    `link set dev ${name} netns ${guest.init} name ${inside}`,
  ]);
  hold(call, guest);
  await runIp([`link set dev ${inside} up`], guest.init);
}

async function detach(call: DeviceCall, guest: Guest): Promise<void> {
  const name = call.volatile["host_name"] ?? "";
  if (!name || isThere(name)) return;
  if (!held.has(name)) hold(call, guest);
  await bringBack(call, name);
}

/** Moves it from the guest's namespace to the host's, where it gets its own name again unless something has that now. */
async function bringBack(call: DeviceCall, name: string): Promise<void> {
  const one = held.get(name);
  if (!one || !isOurs(call, one)) return;
  const socket = openNetlinkIn(one.namespace);
  const links = readLinks(socket);
  closeSync(socket);
  const link = links.find(({ index }) => index === one.index) ?? findLink(call, links);
  if (!link) return;
  const move = (as: string) => run("nsenter", [`--net=/proc/${process.pid}/fd/${one.namespace}`, "ip", "link", "set", "dev", link.name, "netns", String(process.pid), "name", as]);
  await move(name).catch(async (error) => {
    if (!isThere(name)) throw error;
    log.warn("a physical nic came back under another name: its own is taken", { nic: name, as: `phys${link.index}` });
    await move(`phys${link.index}`);
  });
}

/** A network card whose namespace has ended is in the machine's first one, under its name in the guest. */
async function findCard(name: string, mac: string | undefined): Promise<void> {
  const card = readdirSync("/sys/class/net").find((one) => readdirSync(`/sys/class/net/${one}`).includes("device") && readOf(one, "address") === mac);
  if (card) await runIp([`link set dev ${card} down`, `link set dev ${card} name ${name}`]);
}

async function release(call: DeviceCall): Promise<void> {
  const { volatile } = call;
  const name = volatile["host_name"];
  if (name) {
    const one = held.get(name);
    if (one && isOurs(call, one)) {
      if (!isThere(name)) await bringBack(call, name);
      letGo(name);
    } else if (!one && !isThere(name)) await findCard(name, call.options["hwaddr"]?.toLowerCase() ?? volatile["last_state.hwaddr"]);
    if (!held.has(name) && isThere(name)) await restore(name, volatile);
  }
  await releaseVlan(call);
  for (const key of ["host_name", "last_state.mtu", "last_state.hwaddr", "last_state.up"]) delete volatile[key];
}

/** Makes it what it was before a guest had it. */
async function restore(name: string, was: Config): Promise<void> {
  const { "last_state.mtu": mtu, "last_state.hwaddr": mac, "last_state.up": up } = was;
  const lines = [
    ...(mac && readOf(name, "address") !== mac ? [`link set dev ${name} address ${mac}`] : []),
    ...(mtu && readOf(name, "mtu") !== mtu ? [`link set dev ${name} mtu ${mtu}`] : []),
  ];
  if (lines.length > 0) lines.unshift(`link set dev ${name} down`);
  if (up === "true" && (lines.length > 0 || !isUp(name))) lines.push(`link set dev ${name} up`);
  await runIp(lines);
}

async function adopt(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  adoptVlan(call);
  const name = parentOf(call.options);
  if (isThere(name)) await attach(call, guest, note); // a guest that rebooted meanwhile has lost what was plugged in
  else hold(call, guest);
}

export const physicalNic: NicWork = { prepare, attach, detach, release, adopt, change: async () => false };
