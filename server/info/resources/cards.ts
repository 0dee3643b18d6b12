// What graphics and network cards have in common: found by their class in the kernel or on the PCI bus, named, and sorted into
// cards and their virtual functions.
import { basename } from "node:path";
import type { DeviceNames } from "./names.ts";
import { driverOf, known, numaNodeOf, pciAddressOf, type Sysfs, usbAddressOf } from "./sysfs.ts";

export interface CardBasics {
  driver?: string;
  driver_version?: string;
  numa_node: number;
  pci_address?: string;
  vendor?: string;
  vendor_id?: string;
  product?: string;
  product_id?: string;
  usb_address?: string;
}

const bus = "/sys/bus/pci/devices";

/** The devices of `classes` entries, and what else the PCI bus has of a class; each once. */
export function findDevices(sysfs: Sysfs, classes: readonly string[], pciClass: string): string[] {
  const found = new Map<string, string>();
  for (const device of classes) {
    const key = pciAddressOf(sysfs, device) ?? sysfs.real(device);
    if (key && !found.has(key)) found.set(key, device);
  }
  for (const address of sysfs.list(bus)) {
    if (!found.has(address) && sysfs.text(`${bus}/${address}/class`)?.startsWith(pciClass)) found.set(address, `${bus}/${address}`);
  }
  return [...found.values()];
}

const hex = (text: string | undefined) => text?.replace(/^0x/, "");

export function readBasics(sysfs: Sysfs, names: DeviceNames, device: string): CardBasics {
  const vendor = hex(sysfs.text(`${device}/vendor`));
  const product = hex(sysfs.text(`${device}/device`));
  return {
    ...driverOf(sysfs, device), numa_node: numaNodeOf(sysfs, device), ...known({ pci_address: pciAddressOf(sysfs, device) }),
    ...names.device(vendor ?? "", product ?? ""), ...known({ vendor_id: vendor, product_id: product, usb_address: usbAddressOf(sysfs, device) }),
  };
}

interface Functions<T> {
  current_vfs: number;
  maximum_vfs: number;
  vfs: T[];
}

/** Cards with their virtual functions, and how many there are of both. */
export function sortCards<T extends CardBasics>(sysfs: Sysfs, devices: readonly string[], read: (device: string) => T): { cards: (T & { sriov?: Functions<T> })[]; total: number } {
  const cards: (T & { sriov?: Functions<T> })[] = [];
  const functions = new Map<string, T[]>();
  for (const device of devices) {
    const parent = sysfs.linkName(`${device}/physfn`);
    if (parent) functions.set(parent, [...(functions.get(parent) ?? []), read(device)]);
    else cards.push({ ...read(device), ...readFunctions<T>(sysfs, device) });
  }
  for (const card of cards) if (card.sriov) card.sriov.vfs = functions.get(card.pci_address ?? "") ?? [];
  return { cards, total: cards.reduce((sum, card) => sum + 1 + (card.sriov?.vfs.length ?? 0), 0) };
}

function readFunctions<T>(sysfs: Sysfs, device: string): { sriov?: Functions<T> } {
  const current = sysfs.number(`${device}/sriov_numvfs`);
  if (current === undefined) return {};
  return { sriov: { current_vfs: current, maximum_vfs: sysfs.number(`${device}/sriov_totalvfs`) ?? 0, vfs: [] } };
}

/** MAJOR:MINOR of the entries of a folder whose names begin with one of these. */
export function devicesIn(sysfs: Sysfs, folder: string, prefix: string): { name: string; device: string }[] {
  return sysfs.list(folder).filter((name) => name.startsWith(prefix)).map((name) => ({ name: basename(name), device: sysfs.text(`${folder}/${name}/dev`) ?? "" }));
}
