// Devices on the PCI bus, and what some of them tell of themselves.
import type { Resources, ResourcesPciDevice } from "../../api/resources.ts";
import type { DeviceNames } from "./names.ts";
import { driverOf, numaNodeOf, type Sysfs } from "./sysfs.ts";

const folder = "/sys/bus/pci/devices";

export function readPci(sysfs: Sysfs, names: DeviceNames): Resources["pci"] {
  const devices = sysfs.list(folder).map((address) => readDevice(sysfs, names, address));
  return { devices, total: devices.length };
}

function readDevice(sysfs: Sysfs, names: DeviceNames, address: string): ResourcesPciDevice {
  const device = `${folder}/${address}`;
  const id = (file: string) => (sysfs.text(`${device}/${file}`) ?? "").replace(/^0x/, "");
  const [vendor, product] = [id("vendor"), id("device")];
  return {
    driver: "", driver_version: "", ...driverOf(sysfs, device), numa_node: numaNodeOf(sysfs, device), pci_address: address,
    vendor: "", product: "", ...names.device(vendor, product), vendor_id: vendor, product_id: product,
    iommu_group: Number(sysfs.linkName(`${device}/iommu_group`) ?? 0), vpd: parseVpd(sysfs.bytes(`${device}/vpd`) ?? Buffer.alloc(0)),
  };
}

const keyword = /^([VYZ].|CC|EC|FC|FN|MN|NA|PN|RM|SN)$/;
const trim = (bytes: Buffer) => bytes.toString("latin1").replace(/^[\0 ]+|[\0 ]+$/g, "");

/** Vital product data: a name, and values by keywords of two letters. What is cut off is left out. */
export function parseVpd(bytes: Buffer): ResourcesPciDevice["vpd"] {
  const vpd: ResourcesPciDevice["vpd"] = {};
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const large = (tag & 0x80) !== 0;
    if (large && at + 3 > bytes.length) break;
    const length = large ? bytes.readUInt16LE(at + 1) : tag & 7;
    const start = at + (large ? 3 : 1);
    const data = bytes.subarray(start, start + length);
    if (tag === 0x82) vpd.product_name = trim(data);
    else if (tag === 0x90 || tag === 0x91) vpd.entries = { ...vpd.entries, ...parseEntries(data) };
    if (tag === 0x78) break; // the end
    at = start + length;
  }
  return vpd;
}

function parseEntries(data: Buffer): Record<string, string> {
  const entries: Record<string, string> = {};
  for (let at = 0; at + 3 <= data.length; ) {
    const key = data.toString("latin1", at, at + 2);
    const length = data[at + 2] ?? 0;
    if (keyword.test(key) && length > 0) entries[key] = trim(data.subarray(at + 3, at + 3 + length));
    at += 3 + length;
  }
  return entries;
}
