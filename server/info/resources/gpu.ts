// Graphics cards.
import type { Resources, ResourcesGpuCard } from "../../api/resources.ts";
import { devicesIn, findDevices, readBasics, sortCards } from "./cards.ts";
import type { DeviceNames } from "./names.ts";
import { known, type Sysfs } from "./sysfs.ts";

type Card = Omit<ResourcesGpuCard, "sriov">;

export function readGpus(sysfs: Sysfs, names: DeviceNames): Resources["gpu"] {
  const cards = sysfs.list("/sys/class/drm").filter((name) => /^card\d+$/.test(name) && sysfs.has(`/sys/class/drm/${name}/dev`));
  const devices = findDevices(sysfs, cards.map((name) => `/sys/class/drm/${name}/device`), "0x03");
  return sortCards(sysfs, devices, (device): Card => {
    const basics = readBasics(sysfs, names, device);
    return { ...basics, ...known({ drm: readDrm(sysfs, device), nvidia: readNvidia(sysfs, basics.pci_address), mdev: readMdev(sysfs, device) }) };
  });
}

function readDrm(sysfs: Sysfs, device: string): Card["drm"] {
  const folder = `${device}/drm`;
  const [card] = devicesIn(sysfs, folder, "card");
  if (!card) return undefined;
  const [control] = devicesIn(sysfs, folder, "controlD");
  const [render] = devicesIn(sysfs, folder, "renderD");
  return {
    id: Number(card.name.slice(4)), card_name: card.name, card_device: card.device,
    ...known({ control_name: control?.name, control_device: control?.device, render_name: render?.name, render_device: render?.device }),
  };
}

/** What NVIDIA's own driver tells. */
function readNvidia(sysfs: Sysfs, address: string | undefined): Card["nvidia"] {
  const text = address && sysfs.text(`/proc/driver/nvidia/gpus/${address}/information`);
  if (!text) return undefined;
  const member = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
  const [model, minor] = [member("Model"), member("Device Minor")];
  return { brand: model.split(" ")[0] ?? "", model, card_name: `nvidia${minor}`, card_device: `195:${minor}` };
}

function readMdev(sysfs: Sysfs, device: string): Card["mdev"] {
  const folder = `${device}/mdev_supported_types`;
  const types = sysfs.list(folder).map((name) => {
    const text = (file: string) => sysfs.text(`${folder}/${name}/${file}`);
    return [name, {
      api: text("device_api") ?? "", available: Number(text("available_instances") ?? 0), devices: sysfs.list(`${folder}/${name}/devices`),
      ...known({ name: text("name"), description: text("description") }),
    }] as const;
  });
  return types.length > 0 ? Object.fromEntries(types) : undefined;
}
