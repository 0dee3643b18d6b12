// Which devices of the host's /sys are meant: USB devices, and device nodes that belong to one.
import { ancestors, listFolder, parseNumbers, readAttribute, realPath } from "../sysfs.ts";
import type { Config } from "../../api/schemas.ts";
import type { DeviceNode } from "../unix/nodes.ts";

const matches = (wanted: string | undefined, found: string | undefined) => !wanted || wanted.toLowerCase() === found?.toLowerCase();
const sameNumber = (wanted: string | undefined, found: string | undefined) => !wanted || (found !== undefined && Number(wanted) === Number(found));

/** The USB devices that fit the options, as nodes below /dev/bus/usb. */
export function selectUsb(sys: string, options: Config): DeviceNode[] {
  return listFolder(`${sys}/bus/usb/devices`).flatMap((entry) => {
    const read = (name: string) => readAttribute(`${sys}/bus/usb/devices/${entry}/${name}`);
    const numbers = parseNumbers(read("dev"));
    const [bus, device] = [read("busnum"), read("devnum")];
    if (!numbers || !bus || !device) return []; // an interface or a port
    const fits = matches(options["vendorid"], read("idVendor")) && matches(options["productid"], read("idProduct")) && (!options["serial"] || options["serial"] === read("serial"))
      && sameNumber(options["busnum"], bus) && sameNumber(options["devnum"], device);
    return fits ? [{ path: `/dev/bus/usb/${bus.padStart(3, "0")}/${device.padStart(3, "0")}`, kind: "char" as const, ...numbers }] : [];
  });
}

/** The nodes that the kernel made for USB devices that fit the options, such as /dev/ttyUSB0. */
export function selectHotplug(sys: string, options: Config): DeviceNode[] {
  return (["char", "block"] as const).flatMap((kind) => listFolder(`${sys}/dev/${kind}`).flatMap((entry) => {
    const folder = realPath(`${sys}/dev/${kind}/${entry}`);
    const numbers = parseNumbers(entry);
    const subsystem = folder && realPath(`${folder}/subsystem`)?.split("/").at(-1);
    if (!folder || !numbers || subsystem === "usb" || (options["subsystem"] && options["subsystem"] !== subsystem)) return [];
    const usb = ancestors(folder).find((one) => readAttribute(`${one}/idVendor`) !== undefined);
    const name = /^DEVNAME=(.+)$/m.exec(readAttribute(`${folder}/uevent`) ?? "")?.[1];
    if (!usb || !name || name.split("/").includes("..")) return [];
    const fits = matches(options["vendorid"], readAttribute(`${usb}/idVendor`)) && matches(options["productid"], readAttribute(`${usb}/idProduct`));
    return fits ? [{ path: `/dev/${name}`, kind, ...numbers }] : [];
  }));
}
