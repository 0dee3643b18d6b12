// usb and unix-hotplug: devices of the host's that are chosen by vendor and product, and come and go as they are plugged in.
import { isTrue, type KeyTable } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import type { DeviceCall } from "../device.ts";
import { deviceError } from "../staging.ts";
import { nodeDevice, ownerOptions } from "../unix/node-device.ts";
import type { DeviceNode } from "../unix/nodes.ts";
import { poll } from "../watch.ts";
import { selectHotplug, selectUsb } from "./select.ts";

const hex = (value: string) => (/^[0-9a-f]{4}$/i.test(value) ? undefined : "expected four hexadecimal digits such as 1d6b");
const number = { kind: "int", min: 1, max: 999 } as const;

const common: KeyTable = {
  ...ownerOptions,
  productid: { type: { kind: "check", name: "id", check: hex }, description: "Product, four hexadecimal digits" },
  required: { type: { kind: "bool" }, description: "Without one the instance does not start", default: "false" },
  vendorid: { type: { kind: "check", name: "id", check: hex }, description: "Vendor, four hexadecimal digits" },
};

function chosen(what: string, select: (sys: string, options: Config) => DeviceNode[]) {
  return {
    find({ options, name }: DeviceCall): DeviceNode[] {
      const nodes = select("/sys", options);
      if (nodes.length === 0 && isTrue(options["required"])) throw deviceError(name, `Required ${what} not found`);
      return nodes;
    },
    follow({ options, instance, name }: DeviceCall, changed: () => void) {
      poll(instance.systemName, name, () => JSON.stringify(select("/sys", options)), changed);
    },
  };
}

export const usbDevice = nodeDevice({
  options: {
    ...common,
    busnum: { type: number, description: "Number of the bus" },
    devnum: { type: number, description: "Number on the bus" },
    serial: { type: { kind: "string" }, description: "Serial number" },
  },
  fault: () => undefined,
  ...chosen("USB device", selectUsb),
});

export const unixHotplugDevice = nodeDevice({
  options: { ...common, subsystem: { type: { kind: "string" }, description: "Only nodes of this kernel subsystem, such as tty" } },
  fault: ({ vendorid, productid, subsystem }) => (vendorid || productid || subsystem ? undefined : 'Unix hotplug devices need "vendorid", "productid" or "subsystem"'),
  ...chosen("hotplug device", selectHotplug),
});
