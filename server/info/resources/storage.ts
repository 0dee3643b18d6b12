// Disks and their partitions. What udev knows besides is taken from its database.
import type { Resources, ResourcesDisk } from "../../api/resources.ts";
import { known, numaNodeOf, pciAddressOf, type Sysfs, usbAddressOf } from "./sysfs.ts";

const folder = "/sys/class/block";
const sector = 512;

export function readStorage(sysfs: Sysfs): Resources["storage"] {
  const names = sysfs.list(folder);
  const [paths, ids] = [readLinks(sysfs, "/dev/disk/by-path"), readLinks(sysfs, "/dev/disk/by-id")];
  const partitions = names.filter((name) => sysfs.has(`${folder}/${name}/partition`));
  const disks = names.flatMap((name) => readDisk(sysfs, name, partitions.filter((one) => one.startsWith(name)), paths, ids) ?? []);
  return { disks, total: disks.reduce((sum, disk) => sum + 1 + disk.partitions.length, 0) };
}

/** Device → the name of a link to it. */
function readLinks(sysfs: Sysfs, links: string): ReadonlyMap<string, string> {
  return new Map(sysfs.list(links).flatMap((name): [string, string][] => {
    const device = sysfs.linkName(`${links}/${name}`);
    return device ? [[device, name]] : [];
  }));
}

/** Undefined for what is no disk, or none of this machine's. */
function readDisk(sysfs: Sysfs, id: string, partitions: readonly string[], paths: ReadonlyMap<string, string>, ids: ReadonlyMap<string, string>): ResourcesDisk | undefined {
  const disk = `${folder}/${id}`;
  const device = `${disk}/device`;
  const number = sysfs.text(`${disk}/dev`);
  const subsystem = sysfs.linkName(`${device}/subsystem`);
  if (!sysfs.has(device) || number === undefined || subsystem === "rbd") return undefined;
  const udev = readUdev(sysfs, number);
  const removable = sysfs.text(`${disk}/removable`) === "1";
  const size = (sysfs.number(`${disk}/size`) ?? 0) * sector;
  const isCdrom = (id.startsWith("sr") && removable) || udev["ID_CDROM"] === "1";
  const type = isCdrom ? "cdrom" : udev["ID_USB_DRIVER"] === "usb-storage" ? "usb" : udev["ID_ATA_SATA"] === "1" ? "sata" : subsystem;
  return {
    id, device: number, ...known({ model: modelOf(udev) ?? sysfs.text(`${device}/model`), type }),
    read_only: sysfs.text(`${disk}/ro`) === "1", size: isCdrom && size === 0x1fffff * sector ? 0 : size, removable,
    ...known({ wwn: sysfs.text(`${disk}/wwid`) }), numa_node: numaNodeOf(sysfs, device), ...known({ device_path: paths.get(id) }),
    block_size: sysfs.number(`${disk}/queue/physical_block_size`) ?? 0,
    ...known({ firmware_version: sysfs.text(`${device}/firmware_rev`) || udev["ID_REVISION"] }),
    rpm: Number(udev["ID_ATA_ROTATION_RATE_RPM"] ?? 0) || (sysfs.number(`${disk}/queue/rotational`) ?? 0),
    ...known({ serial: udev["ID_SERIAL_SHORT"] }), device_id: ids.get(id) ?? "",
    partitions: partitions.map((name) => ({
      id: name, device: sysfs.text(`${folder}/${name}/dev`) ?? "", read_only: sysfs.text(`${folder}/${name}/ro`) === "1",
      size: (sysfs.number(`${folder}/${name}/size`) ?? 0) * sector, partition: sysfs.number(`${folder}/${name}/partition`) ?? 0,
    })),
    ...known({ pci_address: pciAddressOf(sysfs, device), usb_address: usbAddressOf(sysfs, device) }),
  };
}

function readUdev(sysfs: Sysfs, number: string): Readonly<Record<string, string>> {
  const lines = (sysfs.text(`/run/udev/data/b${number}`) ?? "").matchAll(/^E:([^=]+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, key = "", value = ""]) => [key, value.trim()]));
}

/** The model as its maker wrote it: udev keeps spaces and the like in hexadecimal. */
function modelOf(udev: Readonly<Record<string, string>>): string | undefined {
  const text = udev["ID_MODEL_ENC"]?.replace(/\\x([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))).trim();
  return text || udev["ID_MODEL"];
}
