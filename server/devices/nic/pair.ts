// Nics that are a veth pair, one end in the guest: bridged (the host's end is a port of a bridge), routed and p2p.
import { readFileSync } from "node:fs";
import type { DeviceCall, DeviceParts, Guest } from "../device.ts";
import { announceNic, assertAddressesFree } from "./announce.ts";
import { applyNicRules, removeNicRules } from "./firewall.ts";
import { assertNameFree, linksOf } from "./guest.ts";
import { ensureHostEnd, forgetRoutes, hostEndRules, setUpHostEnd } from "./host-end.ts";
import { runIp } from "./ip.ts";
import { kindOf } from "./kinds.ts";
import { changeHostEnd, isLive } from "./live.ts";
import { guestName, macOf, makeHostMac, nameHostEnd } from "./names.ts";
import { assertRoutable } from "./routed.ts";
import { guestAddresses, renderRoutedGuest } from "./routes.ts";
import { adoptVlan, assertParent, ensureVlan, isThere, parentOf, releaseVlan } from "./vlan.ts";
import type { NicWork } from "./work.ts";

/** The bridge that the host's end is a port of. */
const bridgeOf = ({ options }: DeviceCall): string | undefined => (kindOf(options) === "bridged" ? parentOf(options) : undefined);

/** What it is told to have; liblxc takes the bridge's when this is undefined. */
function mtuOf({ host, options }: DeviceCall): string | undefined {
  return options["mtu"] || host.networks.find(options["network"] ?? "")?.config["bridge.mtu"];
}

/** What must be so before there can be a pair. */
async function makeReady(call: DeviceCall, hostName: string): Promise<void> {
  assertParent(call);
  if (kindOf(call.options) === "routed") {
    await ensureVlan(call);
    await assertRoutable(call);
  }
  assertAddressesFree(call);
  // Before the guest can send anything.
  const { filter, reversePath } = hostEndRules(call, announceNic(call));
  await applyNicRules(hostName, { filter, reversePath: reversePath ?? false });
}

async function prepare(call: DeviceCall): Promise<DeviceParts> {
  const hostName = nameHostEnd(call);
  await makeReady(call, hostName);
  const bridge = bridgeOf(call);
  const mtu = mtuOf(call) ?? (bridge ? undefined : mtuOfInterface(parentOf(call.options)));
  const { addresses, gateways } = kindOf(call.options) === "routed" ? guestAddresses(call.options) : { addresses: [], gateways: [] };
  return {
    nic: [
      ["type", "veth"], ["flags", "up"], ...(bridge ? [["link", bridge] as const] : []), ["name", guestName(call)], ["hwaddr", macOf(call)],
      ["veth.pair", hostName], ...(mtu ? [["mtu", mtu] as const] : []),
      // No broadcast address: liblxc would make one up.
      ...addresses.map(({ family, address }) => [`${family}.address`, family === "ipv4" ? `${address} 0.0.0.0` : address] as const),
      ...gateways.map(({ family, address }) => [`${family}.gateway`, address] as const),
    ],
    started: () => setUpHostEnd(call),
  };
}

function mtuOfInterface(name: string): string | undefined {
  return isThere(name) ? readFileSync(`/sys/class/net/${name}/mtu`, "utf8").trim() : undefined;
}

async function attach(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  const name = assertNameFree(call, guest);
  const hostName = nameHostEnd(call);
  note();
  await makeReady(call, hostName);
  const bridge = bridgeOf(call);
  const mtu = mtuOf(call) ?? mtuOfInterface(parentOf(call.options));
  const size = mtu ? ` mtu ${mtu}` : "";
  await runIp([
    `link add name ${hostName} address ${makeHostMac()}${size} type veth peer name ${name} address ${macOf(call)}${size} netns ${guest.init}`,
    ...(bridge ? [`link set dev ${hostName} master ${bridge}`] : []),
  ]);
  await setUpHostEnd(call);
  await runIp([`link set dev ${hostName} up`]);
  await runIp([`link set dev ${name} up`, ...(kindOf(call.options) === "routed" ? renderRoutedGuest(call.options, name) : [])], guest.init);
}

/** Either end takes the other along. What bears the name and is no veth is not ours: it came after ours had gone. */
async function removePair({ volatile }: DeviceCall): Promise<void> {
  const hostName = volatile["host_name"] ?? "";
  if (!isThere(hostName) || linksOf({ init: process.pid }).some(({ name, driver }) => name === hostName && driver !== "veth")) return;
  await runIp([`link del dev ${hostName}`]).catch((error) => {
    if (isThere(hostName)) throw error;
  });
}

async function release(call: DeviceCall): Promise<void> {
  const hostName = call.volatile["host_name"];
  if (hostName) {
    await removePair(call);
    await forgetRoutes(call);
    await removeNicRules(hostName, hostEndRules(call, { ipv4: undefined, ipv6: undefined }));
  }
  await releaseVlan(call);
  delete call.volatile["host_name"];
}

async function adopt(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  adoptVlan(call);
  if (isThere(call.volatile["host_name"] ?? "")) await ensureHostEnd(call);
  else await attach(call, guest, note); // a guest that rebooted meanwhile has lost what was plugged in
}

export const pairNic: NicWork = {
  prepare, attach, release, adopt,
  detach: removePair,
  change: async (call, before) => {
    if (!isLive(call.options, before)) return false;
    await changeHostEnd(call, before);
    return true;
  },
};
