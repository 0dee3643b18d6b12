// Device types that LXD has for containers and Berth does not have.
import type { DeviceType } from "./device.ts";

const unsupported = (name: string): DeviceType => ({
  options: { "*": { type: { kind: "text" }, description: "" } },
  fault: () => `devices of type "${name}" are not supported by Berth`,
});

export const unsupportedTypes: Readonly<Record<string, DeviceType>> = {
  infiniband: unsupported("infiniband"), pci: unsupported("pci"), tpm: unsupported("tpm"),
};
