// The device types there are.
import type { DeviceType } from "./device.ts";
import { diskDevice } from "./disk/index.ts";
import { gpuDevice } from "./gpu/index.ts";
import { nicDevice } from "./nic/index.ts";
import { noneDevice } from "./none.ts";
import { proxyDevice } from "./proxy/index.ts";
import { unixBlockDevice, unixCharDevice } from "./unix/index.ts";
import { unsupportedTypes } from "./unsupported.ts";
import { unixHotplugDevice, usbDevice } from "./usb/index.ts";

export const deviceTypes: Readonly<Record<string, DeviceType>> = {
  disk: diskDevice, nic: nicDevice, none: noneDevice, proxy: proxyDevice,
  "unix-char": unixCharDevice, "unix-block": unixBlockDevice, "unix-hotplug": unixHotplugDevice, usb: usbDevice, gpu: gpuDevice,
};

/** The type that a device's options name. */
export function typeOf(options: Readonly<Record<string, string>>): DeviceType | undefined {
  const name = options["type"] ?? "";
  if (Object.hasOwn(deviceTypes, name)) return deviceTypes[name];
  return Object.hasOwn(unsupportedTypes, name) ? unsupportedTypes[name] : undefined;
}
