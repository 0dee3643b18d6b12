// What the machine has. What memory is used for is read each time; the rest changes with hands on the machine, and is kept for some seconds.
import type { Resources } from "../../api/resources.ts";
import { readCardSettings } from "../../host/ethtool.ts";
import { hostArchitecture } from "../../../images/metadata.ts";
import { readCpu } from "./cpu.ts";
import { readGpus } from "./gpu.ts";
import { readMemory } from "./memory.ts";
import { DeviceNames } from "./names.ts";
import { type AskCard, readNetworkCards } from "./network.ts";
import { readPci } from "./pci.ts";
import { readStorage } from "./storage.ts";
import { Sysfs } from "./sysfs.ts";
import { readSystem } from "./system.ts";
import { readUsb } from "./usb.ts";

const freshFor = 10_000;

/** All of a machine below a root. */
export function readAll(sysfs: Sysfs, ask: AskCard): Resources {
  const names = new DeviceNames(sysfs, "pci.ids");
  return {
    cpu: readCpu(sysfs, hostArchitecture()), memory: readMemory(sysfs), gpu: readGpus(sysfs, names), network: readNetworkCards(sysfs, names, ask),
    storage: readStorage(sysfs), usb: readUsb(sysfs, new DeviceNames(sysfs, "usb.ids")), pci: readPci(sysfs, names), system: readSystem(sysfs),
  };
}

const host = new Sysfs();
let last: Resources | undefined;
let readAt = 0;

export function readResources(): Resources {
  if (last && performance.now() - readAt < freshFor) return { ...last, memory: readMemory(host, last.memory) };
  last = readAll(host, readCardSettings);
  readAt = performance.now();
  return last;
}
