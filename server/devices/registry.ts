// The device types there are.
import type { DeviceType } from "./device.ts";
import { diskDevice } from "./disk/index.ts";
import { nicDevice } from "./nic/index.ts";
import { noneDevice } from "./none.ts";
import { proxyDevice } from "./proxy/index.ts";

export const deviceTypes: Readonly<Record<string, DeviceType>> = {
  disk: diskDevice, nic: nicDevice, none: noneDevice, proxy: proxyDevice,
};

/** The type that a device's options name. */
export function typeOf(options: Readonly<Record<string, string>>): DeviceType | undefined {
  const name = options["type"] ?? "";
  return Object.hasOwn(deviceTypes, name) ? deviceTypes[name] : undefined;
}
