// What the machine is: its maker, model, firmware, chassis and board, and whether it is a machine at all.
import type { ResourcesSystem } from "../../api/resources.ts";
import type { Sysfs } from "./sysfs.ts";

const folder = "/sys/class/dmi/id";

/** By their numbers in the SMBIOS specification, from 1. */
const chassis = [
  "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop", "Notebook", "Hand Held", "Docking Station",
  "All in One", "Sub Notebook", "Space-saving", "Lunch Box", "Main Server Chassis", "Expansion Chassis", "SubChassis", "Bus Expansion Chassis",
  "Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system chassis", "Compact PCI", "Advanced TCA", "Blade",
  "Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC",
] as const;

export function readSystem(sysfs: Sysfs): ResourcesSystem {
  const id = (file: string) => sysfs.text(`${folder}/${file}`) ?? "";
  const hasDmi = sysfs.has(folder);
  return {
    uuid: id("product_uuid"), vendor: id("sys_vendor"), product: id("product_name"), family: id("product_family"), version: id("product_version"),
    sku: id("product_sku"), serial: id("product_serial"), type: typeOf(sysfs),
    firmware: hasDmi ? { vendor: id("bios_vendor"), date: id("bios_date"), version: id("bios_version") } : null,
    chassis: hasDmi
      ? { vendor: id("chassis_vendor"), type: chassis[Number(id("chassis_type")) - 1] ?? "", serial: id("chassis_serial"), version: id("chassis_version") }
      : null,
    motherboard: hasDmi ? { vendor: id("board_vendor"), product: id("board_name"), serial: id("board_serial"), version: id("board_version") } : null,
  };
}

/** A container's init is told so by its manager; a virtual machine's processor has a hypervisor's flag. */
function typeOf(sysfs: Sysfs): string {
  if (/(^|\0)container=./.test(sysfs.text("/proc/1/environ") ?? "") || sysfs.text("/run/systemd/container")) return "container";
  const info = sysfs.text("/proc/cpuinfo");
  if (info === undefined) return "unknown";
  if (/^flags\s*:.*\bhypervisor\b/m.test(info) || sysfs.has("/sys/hypervisor/type")) return "virtual-machine";
  return /^flags\s*:/m.test(info) || sysfs.has(folder) ? "physical" : "unknown";
}
