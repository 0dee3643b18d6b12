// What a nic is called in the guest.
import type { DeviceCall } from "../device.ts";

/** Its name in the guest: as given, as it was, or the first ethN that no other nic of the instance has. Kept in `volatile.NAME.name`. */
export function guestName(call: DeviceCall): string {
  if (call.options["name"]) return call.options["name"];
  const taken = new Set(call.all.flatMap((other) => (other.options["type"] === "nic" && other !== call ? [other.options["name"] ?? other.volatile["name"] ?? ""] : [])));
  let name = call.volatile["name"];
  for (let number = 0; name === undefined || taken.has(name); number++) name = `eth${number}`;
  call.volatile["name"] = name;
  return name;
}
