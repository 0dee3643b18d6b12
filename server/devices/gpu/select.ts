// Which graphics cards of the host's /sys are meant, and the nodes of each.
import type { Config } from "../../api/schemas.ts";
import { listFolder, parseNumbers, readAttribute, realPath } from "../sysfs.ts";
import type { DeviceNode } from "../unix/nodes.ts";

const nvidia = "10de";
const fullAddress = (address: string) => (/^[0-9a-f]{2}:/i.test(address) ? `0000:${address}` : address).toLowerCase();

/** The nodes of the cards that fit the options: /dev/dri, and those of Nvidia's driver from `numbersOf` (their node on the host). */
export function selectGpu(sys: string, options: Config, numbersOf: (path: string) => { major: number; minor: number } | undefined): DeviceNode[] {
  const found = new Map<string, DeviceNode>();
  const add = (path: string, numbers: { major: number; minor: number } | undefined) => {
    if (numbers) found.set(path, { path, kind: "char", ...numbers });
  };
  for (const card of listFolder(`${sys}/class/drm`).filter((entry) => /^card\d+$/.test(entry))) {
    const device = realPath(`${sys}/class/drm/${card}/device`);
    if (!device) continue;
    const [vendor, product] = ["vendor", "device"].map((name) => readAttribute(`${device}/${name}`)?.replace(/^0x/, "").toLowerCase());
    const fits = (!options["vendorid"] || options["vendorid"].toLowerCase() === vendor) && (!options["productid"] || options["productid"].toLowerCase() === product)
      && (!options["id"] || card === `card${options["id"]}`) && (!options["pci"] || device.endsWith(`/${fullAddress(options["pci"])}`));
    if (!fits) continue;
    for (const node of listFolder(`${device}/drm`).filter((entry) => /^(card|renderD|controlD)\d+$/.test(entry))) {
      add(`/dev/dri/${node}`, parseNumbers(readAttribute(`${device}/drm/${node}/dev`)));
    }
    if (vendor === nvidia) {
      for (const name of ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", `nvidia${nvidiaNumber(device)}`]) add(`/dev/${name}`, numbersOf(`/dev/${name}`));
    }
  }
  return [...found.values()];
}

/** The number that Nvidia's driver gave a card; its nodes are called by it. */
function nvidiaNumber(device: string): string {
  const text = readAttribute(`/proc/driver/nvidia/gpus/${device.split("/").at(-1)}/information`) ?? "";
  return /^Device Minor:\s*(\d+)/m.exec(text)?.[1] ?? "0";
}
