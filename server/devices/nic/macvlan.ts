// A nic that shares its parent's wire, with a MAC address of its own. It lives in the guest alone.
import { run } from "../../host/run.ts";
import type { DeviceCall, DeviceParts, Guest } from "../device.ts";
import { assertNameFree, findLink, linksOf } from "./guest.ts";
import { runIp } from "./ip.ts";
import { guestName, macOf } from "./names.ts";
import { adoptVlan, assertParent, ensureVlan, parentOf, releaseVlan } from "./vlan.ts";
import type { NicWork } from "./work.ts";

async function prepare(call: DeviceCall): Promise<DeviceParts> {
  assertParent(call);
  await ensureVlan(call);
  const { mtu } = call.options;
  return {
    nic: [
      ["type", "macvlan"], ["macvlan.mode", "bridge"], ["flags", "up"], ["link", parentOf(call.options)], ["name", guestName(call)], ["hwaddr", macOf(call)],
      ...(mtu ? [["mtu", mtu] as const] : []),
    ],
  };
}

async function attach(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  assertParent(call);
  const name = assertNameFree(call, guest);
  await ensureVlan(call);
  note();
  const size = call.options["mtu"] ? ` mtu ${call.options["mtu"]}` : "";
  await runIp([`link add link ${parentOf(call.options)} name ${name} address ${macOf(call)}${size} netns ${guest.init} type macvlan mode bridge`]);
  await runIp([`link set dev ${name} up`], guest.init);
}

async function detach(call: DeviceCall, guest: Guest): Promise<void> {
  const link = findLink(call, linksOf(guest));
  if (link) await run("nsenter", ["-t", String(guest.init), "-n", "ip", "link", "del", "dev", link.name]);
}

async function adopt(call: DeviceCall, guest: Guest, note: () => void): Promise<void> {
  adoptVlan(call);
  if (!findLink(call, linksOf(guest))) await attach(call, guest, note);
}

export const macvlanNic: NicWork = { prepare, attach, detach, adopt, change: async () => false, release: releaseVlan };
