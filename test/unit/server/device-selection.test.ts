// Which USB devices, hotplugged nodes and graphics cards are meant, on a made-up /sys.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { selectGpu } from "../../../server/devices/gpu/select.ts";
import { selectHotplug, selectUsb } from "../../../server/devices/usb/select.ts";

const sys = mkdtempSync(join(tmpdir(), "berth-sys-"));
after(() => rmSync(sys, { recursive: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(`${sys}/${path}`), { recursive: true });
  writeFileSync(`${sys}/${path}`, `${text}\n`);
}
function link(path: string, target: string): void {
  mkdirSync(dirname(`${sys}/${path}`), { recursive: true });
  symlinkSync(`${sys}/${target}`, `${sys}/${path}`);
}

const stick = "devices/pci0/usb1/1-2";
const usb: Record<string, string> = { idVendor: "0781", idProduct: "5567", serial: "ABC", busnum: "1", devnum: "12", dev: "189:11" };
for (const [name, value] of Object.entries(usb)) file(`${stick}/${name}`, value);
link("bus/usb/devices/1-2", stick);
file("devices/pci0/usb1/1-3/idVendor", "0781");
file("devices/pci0/usb1/1-3/idProduct", "0001");
file("devices/pci0/usb1/1-3/busnum", "1");
file("devices/pci0/usb1/1-3/devnum", "3");
file("devices/pci0/usb1/1-3/dev", "189:2");
link("bus/usb/devices/1-3", "devices/pci0/usb1/1-3");
file(`${stick}/1-2:1.0/bInterfaceClass`, "08");
link("bus/usb/devices/1-2:1.0", `${stick}/1-2:1.0`);
// Its nodes: a serial line, and the device itself.
file(`${stick}/1-2:1.0/ttyUSB0/uevent`, "MAJOR=188\nMINOR=0\nDEVNAME=ttyUSB0");
mkdirSync(`${sys}/class/tty`, { recursive: true });
link(`${stick}/1-2:1.0/ttyUSB0/subsystem`, "class/tty");
link("dev/char/188:0", `${stick}/1-2:1.0/ttyUSB0`);
file(`${stick}/uevent`, "DEVNAME=bus/usb/001/012");
link(`${stick}/subsystem`, "bus/usb");
link("dev/char/189:11", stick);
file("devices/virtual/mem/zero/uevent", "DEVNAME=zero");
link("dev/char/1:5", "devices/virtual/mem/zero");
// Two cards.
for (const [card, pci, vendor, minor] of [["card0", "0000:00:02.0", "0x8086", 0], ["card1", "0000:01:00.0", "0x10de", 1]] as const) {
  file(`devices/pci0/${pci}/vendor`, vendor);
  file(`devices/pci0/${pci}/device`, "0x1234");
  file(`devices/pci0/${pci}/drm/${card}/dev`, `226:${minor}`);
  file(`devices/pci0/${pci}/drm/renderD${128 + minor}/dev`, `226:${128 + minor}`);
  link(`devices/pci0/${pci}/drm/${card}/device`, `devices/pci0/${pci}`);
  link(`class/drm/${card}`, `devices/pci0/${pci}/drm/${card}`);
}
mkdirSync(`${sys}/class/drm/card0-HDMI-A-1`);

const pathsOf = (nodes: readonly { path: string }[]) => nodes.map(({ path }) => path).sort();
const [one, other] = ["/dev/bus/usb/001/012", "/dev/bus/usb/001/003"];

test("USB devices are chosen by what is given of them", () => {
  assert.deepEqual(selectUsb(sys, { vendorid: "0781", productid: "5567" }), [{ path: one, kind: "char", major: 189, minor: 11 }]);
  assert.deepEqual(pathsOf(selectUsb(sys, { vendorid: "0781" })), [other, one]);
  assert.deepEqual(pathsOf(selectUsb(sys, {})), [other, one]);
  assert.deepEqual(pathsOf(selectUsb(sys, { serial: "ABC" })), [one]);
  assert.deepEqual(pathsOf(selectUsb(sys, { busnum: "1", devnum: "3" })), [other]);
  assert.deepEqual(selectUsb(sys, { vendorid: "ffff" }), []);
  assert.deepEqual(selectUsb(`${sys}/nowhere`, {}), []);
});

test("nodes of a USB device are found, but not itself nor others", () => {
  assert.deepEqual(selectHotplug(sys, { vendorid: "0781" }), [{ path: "/dev/ttyUSB0", kind: "char", major: 188, minor: 0 }]);
  assert.deepEqual(selectHotplug(sys, { vendorid: "0781", subsystem: "block" }), []);
  assert.deepEqual(pathsOf(selectHotplug(sys, { subsystem: "tty" })), ["/dev/ttyUSB0"]);
});

test("graphics cards are chosen by number, address or maker, with all their nodes", () => {
  const none = () => undefined;
  assert.deepEqual(pathsOf(selectGpu(sys, { id: "0" }, none)), ["/dev/dri/card0", "/dev/dri/renderD128"]);
  assert.deepEqual(pathsOf(selectGpu(sys, { pci: "01:00.0" }, none)), ["/dev/dri/card1", "/dev/dri/renderD129"]);
  assert.deepEqual(pathsOf(selectGpu(sys, { vendorid: "8086" }, none)), ["/dev/dri/card0", "/dev/dri/renderD128"]);
  assert.equal(selectGpu(sys, {}, none).length, 4);
  assert.deepEqual(selectGpu(sys, { productid: "9999" }, none), []);
  const nvidia = (path: string) => (["/dev/nvidia0", "/dev/nvidiactl"].includes(path) ? { major: 195, minor: 255 } : undefined);
  assert.deepEqual(pathsOf(selectGpu(sys, { id: "1" }, nvidia)), ["/dev/dri/card1", "/dev/dri/renderD129", "/dev/nvidia0", "/dev/nvidiactl"]);
});
