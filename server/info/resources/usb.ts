// USB devices, without hubs.
import type { Resources, ResourcesUsbDevice } from "../../api/resources.ts";
import type { DeviceNames } from "./names.ts";
import { driverOf, type Sysfs } from "./sysfs.ts";

const folder = "/sys/bus/usb/devices";
const hub = 9;

export function readUsb(sysfs: Sysfs, names: DeviceNames): Resources["usb"] {
  const devices = sysfs.list(folder).flatMap((name) => {
    const bus = sysfs.number(`${folder}/${name}/busnum`);
    return bus === undefined || sysfs.number(`${folder}/${name}/bDeviceClass`, 16) === hub ? [] : readDevice(sysfs, names, name, bus);
  });
  return { devices, total: devices.length };
}

function readDevice(sysfs: Sysfs, names: DeviceNames, name: string, bus: number): ResourcesUsbDevice {
  const device = `${folder}/${name}`;
  const text = (file: string) => sysfs.text(`${device}/${file}`) ?? "";
  const [vendor, product] = [text("idVendor"), text("idProduct")];
  const found = names.device(vendor, product);
  return {
    bus_address: bus, device_address: sysfs.number(`${device}/devnum`) ?? 0,
    interfaces: sysfs.list(device).filter((entry) => entry.startsWith(`${name}:`)).map((entry) => readInterface(sysfs, names, `${device}/${entry}`)),
    vendor: found.vendor ?? text("manufacturer"), vendor_id: vendor, product: text("product") || (found.product ?? ""), product_id: product,
    speed: Number(text("speed") || 0),
  };
}

function readInterface(sysfs: Sysfs, names: DeviceNames, folder: string): ResourcesUsbDevice["interfaces"][number] {
  const hex = (file: string) => sysfs.number(`${folder}/${file}`, 16) ?? 0;
  const [code, subclass] = [hex("bInterfaceClass"), hex("bInterfaceSubClass")];
  const two = (value: number) => value.toString(16).padStart(2, "0");
  return {
    ...names.usbClass(two(code), subclass > 0 ? two(subclass) : ""), class_id: code, subclass_id: subclass, number: hex("bInterfaceNumber"),
    driver: "", driver_version: "", ...driverOf(sysfs, folder),
  };
}
