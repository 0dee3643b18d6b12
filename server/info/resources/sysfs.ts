// Reading /sys, /proc and /dev, all below a root that tests put in the place of `/`. What is missing or cannot be read counts as
// not there: machines differ.
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";

export class Sysfs {
  readonly root: string;
  constructor(root = "") {
    this.root = root;
  }

  /** A file's trimmed text; undefined when there is none. */
  text(path: string): string | undefined {
    try {
      return readFileSync(this.root + path, "utf8").trim();
    } catch {
      return undefined;
    }
  }

  bytes(path: string): Buffer | undefined {
    try {
      return readFileSync(this.root + path);
    } catch {
      return undefined;
    }
  }

  /** A file's number, 0 or above; undefined when it holds none. */
  number(path: string, radix = 10): number | undefined {
    const value = Number.parseInt(this.text(path) ?? "", radix);
    return value >= 0 ? value : undefined;
  }

  /** Names in a folder, in the order that people count; none when there is no such folder. */
  list(path: string): string[] {
    try {
      return readdirSync(this.root + path).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    } catch {
      return [];
    }
  }

  /** Where a link leads in the end; undefined when it leads nowhere. */
  real(path: string): string | undefined {
    try {
      return realpathSync(this.root + path).slice(this.root.length);
    } catch {
      return undefined;
    }
  }

  /** The last part of what a link says. */
  linkName(path: string): string | undefined {
    try {
      return basename(readlinkSync(this.root + path));
    } catch {
      return undefined;
    }
  }

  has(path: string): boolean {
    return this.real(path) !== undefined;
  }
}

/** What has a value. */
export function known<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== "")) as never;
}

/** The driver of a device, and its version: the kernel's when it has none of its own. */
export function driverOf(sysfs: Sysfs, device: string): { driver?: string; driver_version?: string } {
  const driver = sysfs.linkName(`${device}/driver`);
  if (!driver) return {};
  const version = sysfs.text(`${device}/driver/module/version`) ?? sysfs.text("/proc/sys/kernel/osrelease");
  return known({ driver, driver_version: version });
}

export function numaNodeOf(sysfs: Sysfs, device: string): number {
  return sysfs.number(`${device}/numa_node`) ?? 0;
}

/** A device's address on the PCI bus; of a virtio device that of what it comes through. */
export function pciAddressOf(sysfs: Sysfs, device: string): string | undefined {
  let path = sysfs.real(device);
  if (path && sysfs.linkName(`${path}/subsystem`) === "virtio") path = dirname(path);
  return path && sysfs.linkName(`${path}/subsystem`) === "pci" ? basename(path) : undefined;
}

/** BUS:DEVICE of the USB device that something belongs to. */
export function usbAddressOf(sysfs: Sysfs, device: string): string | undefined {
  const path = sysfs.real(device);
  if (!path?.includes("/usb")) return undefined;
  for (let at = path; at !== "/" && at !== "."; at = dirname(at)) {
    const [bus, number] = [sysfs.number(`${at}/busnum`), sysfs.number(`${at}/devnum`)];
    if (bus !== undefined && number !== undefined) return `${bus}:${number}`;
  }
  return undefined;
}
