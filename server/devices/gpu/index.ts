// gpu: graphics cards of the host's.
import { statSync } from "node:fs";
import type { Config } from "../../api/schemas.ts";
import { splitDevice } from "../../host/device-number.ts";
import type { DeviceCall } from "../device.ts";
import { deviceError } from "../staging.ts";
import { nodeDevice, ownerOptions } from "../unix/node-device.ts";
import type { DeviceNode } from "../unix/nodes.ts";
import { selectGpu } from "./select.ts";

const hex = (value: string) => (/^[0-9a-f]{4}$/i.test(value) ? undefined : "expected four hexadecimal digits such as 8086");
const address = (value: string) => (/^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i.test(value) ? undefined : "expected a PCI address such as 0000:00:02.0");

function fault({ gputype = "physical", id, pci, vendorid, productid }: Config): string | undefined {
  if (gputype !== "physical") return `gputype "${gputype}" is not supported by Berth`;
  if (pci && (id || vendorid || productid)) return '"pci" cannot be combined with "id", "vendorid" or "productid"';
  return id && (vendorid || productid) ? '"id" cannot be combined with "vendorid" or "productid"' : undefined;
}

function numbersOf(file: string) {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isCharacterDevice() ? splitDevice(stats.rdev) : undefined;
}

function find({ options, name }: DeviceCall): DeviceNode[] {
  const nodes = selectGpu("/sys", options, numbersOf);
  if (nodes.length === 0) throw deviceError(name, "Failed to detect requested GPU device");
  return nodes;
}

export const gpuDevice = nodeDevice({
  options: {
    ...ownerOptions,
    gputype: { type: { kind: "string" }, description: "physical", default: "physical" },
    id: { type: { kind: "int", min: 0, max: 255 }, description: "Number of the card: N of /dev/dri/cardN" },
    pci: { type: { kind: "check", name: "address", check: address }, description: "PCI address" },
    productid: { type: { kind: "check", name: "id", check: hex }, description: "Product, four hexadecimal digits" },
    vendorid: { type: { kind: "check", name: "id", check: hex }, description: "Vendor, four hexadecimal digits" },
  },
  fault, find,
});
