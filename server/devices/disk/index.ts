// Disks: the root file system.
import type { Config } from "../../api/schemas.ts";
import type { DeviceType, DeviceWorld } from "../device.ts";

function fault(options: Config, world: DeviceWorld): string | undefined {
  if (options["path"] !== "/") return "disks other than the root disk are not supported by Berth yet";
  if (options["source"]) return 'a root disk cannot have "source"';
  if (!options["pool"]) return 'a root disk needs "pool"';
  return world.hasPool(options["pool"]) ? undefined : `storage pool "${options["pool"]}" was not found`;
}

export const diskDevice: DeviceType = {
  options: {
    "boot.priority": { type: { kind: "int", min: 0 }, description: "Kept; containers boot from their root" },
    path: { type: { kind: "string" }, description: "Where it is in the guest" },
    pool: { type: { kind: "string" }, description: "The storage pool it lies in" },
    size: { type: { kind: "size" }, description: "Most it may hold" },
    source: { type: { kind: "string" }, description: "A file or folder of the host's" },
  },
  fault,
};
