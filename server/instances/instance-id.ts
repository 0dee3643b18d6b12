// The id by which cloud-init tells whether it has seen this instance before: a new one makes it run again.
import { randomUUID } from "node:crypto";
import type { Config } from "../api/schemas.ts";
import type { DeviceCall } from "../devices/device.ts";
import type { Layer } from "./config.ts";

const data = ["cloud-init.vendor-data", "cloud-init.user-data", "cloud-init.network-config", "user.vendor-data", "user.user-data", "user.network-config"];

type Cards = readonly Pick<DeviceCall, "name" | "options" | "volatile">[];

/** Whether cloud-init should run again after a change: its data is other data, or the guest has other network cards. Pure. */
export function needsNewInstanceId(before: Layer, after: Layer, had: Cards, has: Cards): boolean {
  return data.some((key) => (before.config[key] ?? "") !== (after.config[key] ?? "")) || cardsOf(had) !== cardsOf(has);
}

/** The names of the network cards in the guest. */
function cardsOf(devices: Cards): string {
  return devices.filter(({ options }) => options["type"] === "nic").map(({ name, options, volatile }) => options["name"] || volatile["name"] || name).sort().join("\n");
}

export function renewInstanceId(config: Config): void {
  config["volatile.cloud-init.instance-id"] = randomUUID();
}
