// The interfaces that a running guest has.
import { closeSync } from "node:fs";
import { type Link, openNetlinkOf, readLinks } from "../../host/netlink.ts";
import type { DeviceCall, Guest } from "../device.ts";
import { deviceFailure } from "./failure.ts";
import { guestName, macOf } from "./names.ts";

/** All interfaces of a guest. */
export function linksOf(guest: Pick<Guest, "init">): Link[] {
  const socket = openNetlinkOf(guest.init);
  try {
    return readLinks(socket);
  } finally {
    closeSync(socket);
  }
}

/** The name that a nic is to have in the guest. Throws `device_start_failed` when something there has it already. */
export function assertNameFree(call: DeviceCall, guest: Guest): string {
  const taken = linksOf(guest).map(({ name }) => name);
  const name = guestName(call, taken);
  if (taken.includes(name)) throw deviceFailure(call, `the guest has an interface "${name}" already`);
  return name;
}

/** A nic's interface among some: the guest may have given it another name, or another MAC address. */
export function findLink(call: DeviceCall, links: readonly Link[]): Link | undefined {
  const mac = macOf(call) || call.volatile["last_state.hwaddr"];
  const name = call.options["name"] ?? call.volatile["name"];
  return links.find((link) => link.mac === mac && link.name === name) ?? links.find((link) => link.mac === mac) ?? links.find((link) => link.name === name);
}
