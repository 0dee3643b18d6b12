// What a nic is called, in the guest and on the host, and its MAC address.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { DeviceCall } from "../device.ts";
import { deviceFailure } from "./failure.ts";

/** Its name in the guest: as given, as it was, or the first ethN that is not taken. Kept in `volatile.NAME.name`. */
export function guestName(call: DeviceCall, alsoTaken: readonly string[] = []): string {
  if (call.options["name"]) return call.options["name"];
  const others = call.all.flatMap((other) => (other.options["type"] === "nic" && other !== call ? [other.options["name"] ?? other.volatile["name"] ?? ""] : []));
  const taken = new Set([...others, ...alsoTaken]);
  let name = call.volatile["name"];
  for (let number = 0; name === undefined || taken.has(name); number++) name = `eth${number}`;
  call.volatile["name"] = name;
  return name;
}

/** A new name for the host's end of a veth pair. Kept in `volatile.NAME.host_name`. Throws `device_start_failed` when something has it. */
export function nameHostEnd(call: DeviceCall): string {
  delete call.volatile["host_name"]; // what failed is cleared away by this name: it must never be somebody else's
  const name = call.options["host_name"] || `veth${randomBytes(4).toString("hex")}`;
  if (existsSync(`/sys/class/net/${name}`)) throw deviceFailure(call, `the host has an interface "${name}" already`);
  call.volatile["host_name"] = name;
  return name;
}

/** In lower case; "" for a nic that has none yet. */
export const macOf = ({ options, volatile }: Pick<DeviceCall, "options" | "volatile">): string =>
  (options["hwaddr"] || volatile["hwaddr"] || "").toLowerCase();

/** A MAC address of the range that containers have. */
export function makeMac(): string {
  return `00:16:3e:${pairs(3)}`;
}

/** One for a host's end: so high that no bridge takes it for its own. */
export function makeHostMac(): string {
  return `fe:${pairs(5)}`;
}

const pairs = (count: number): string => randomBytes(count).toString("hex").replace(/..(?=.)/g, "$&:");
