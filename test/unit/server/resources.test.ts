// What a machine has, read from made-up trees in the place of /sys, /proc and /run: a server with much, one with nothing.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { DeviceNames } from "../../../server/info/resources/names.ts";
import { parseVpd } from "../../../server/info/resources/pci.ts";
import { readAll as readWith } from "../../../server/info/resources/index.ts";
import { Sysfs } from "../../../server/info/resources/sysfs.ts";

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Makes a tree: path → text, or `-> TARGET` for a link to another path of the tree. */
function tree(files: Readonly<Record<string, string | Buffer>>): Sysfs {
  const root = mkdtempSync(join(tmpdir(), "berth-unit-"));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(root + path), { recursive: true });
    const target = typeof content === "string" ? /^-> (.*)$/.exec(content)?.[1] : undefined;
    if (target !== undefined) {
      mkdirSync(dirname(root + target), { recursive: true });
      symlinkSync(root + target, root + path);
    } else writeFileSync(root + path, content);
  }
  return new Sysfs(root);
}

/** The card that can do 1 Gbit/s over twisted pair; no other is asked. */
const readAll = (sysfs: Sysfs) => readWith(sysfs, (name) => name === "enp1s0"
  ? { firmware: "1.63", link: { autoNegotiation: true, port: 0, transceiver: 0, supports: (mode) => [3, 5, 7].includes(mode) } }
  : assert.fail(name));

/** Files of a folder. */
const at = (folder: string, files: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));

const cpu = (id: number, socket: number, core: number, node: number) => at(`/sys/devices/system/cpu/cpu${id}`, {
  "topology/physical_package_id": `${socket}\n`, "topology/core_id": `${core}\n`, "topology/die_id": "-1\n", online: "1\n", [`node${node}/x`]: "",
  "cpufreq/scaling_cur_freq": "2400000\n", "cpufreq/cpuinfo_min_freq": "800000\n", "cpufreq/cpuinfo_max_freq": "3600000\n",
  "cache/index0/level": "1\n", "cache/index0/type": "Data\n", "cache/index0/size": "32K\n", "cache/uevent": "",
});

const memoryNode = (node: number) => ({
  [`/sys/devices/system/node/node${node}/meminfo`]: `Node ${node} MemTotal: 1000 kB\nNode ${node} MemUsed: 400 kB\nNode ${node} HugePages_Total: 4\nNode ${node} HugePages_Free: 1\n`,
});

/** A device on the PCI bus, as the kernel shows it: a link to where it is plugged in. */
const pci = (address: string, files: Readonly<Record<string, string>>) => ({
  [`/sys/bus/pci/devices/${address}`]: `-> /sys/devices/pci0000:00/${address}`,
  ...at(`/sys/devices/pci0000:00/${address}`, { subsystem: "-> /sys/bus/pci", ...files }),
});

const nic = "/sys/devices/pci0000:00/0000:01:00.0";
const disk = "/sys/devices/pci0000:00/0000:02:00.0/nvme/nvme0";

const server = tree({
  "/proc/sys/kernel/osrelease": "6.1.0\n",
  "/proc/cpuinfo": [0, 1, 2, 3].map((id) => `processor\t: ${id}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon ${id < 2 ? "A" : "B"}\nflags\t\t: fpu sse\n`).join("\n"),
  ...cpu(0, 0, 0, 0), ...cpu(1, 0, 0, 0), ...cpu(2, 1, 0, 1), ...cpu(3, 1, 4, 1), "/sys/devices/system/cpu/isolated": "3\n", "/sys/devices/system/cpu/cpufreq/x": "",
  "/proc/meminfo": "MemTotal: 4000 kB\nMemFree: 1000 kB\nBuffers: 100 kB\nCached: 900 kB\nHugePages_Total: 8\nHugePages_Free: 2\nHugepagesize: 2048 kB\n",
  ...memoryNode(0), ...memoryNode(1),
  "/usr/share/misc/pci.ids": "# names\n8086  Intel Corporation\n\t1521  I350 Gigabit\n\t\t8086 0001  Ethernet Server\n10de  NVIDIA Corporation\n\t1db4  Tesla V100\nC 02  Network controller\n",
  "/usr/share/misc/usb.ids": "0951  Kingston\n\t1666  DataTraveler\n\nC 08  Mass Storage\n\t06  SCSI\n",
  ...pci("0000:01:00.0", {
    vendor: "0x8086\n", device: "0x1521\n", class: "0x020000\n", numa_node: "1\n", driver: "-> /sys/bus/pci/drivers/igb", sriov_numvfs: "1\n", sriov_totalvfs: "7\n",
    iommu_group: "-> /sys/kernel/iommu_groups/12",
  }),
  ...at(`${nic}/net/enp1s0`, { type: "1\n", address: "aa:bb:cc:dd:ee:ff\n", dev_port: "0\n", carrier: "1\n", speed: "1000\n", duplex: "full\n" }),
  "/sys/class/net/enp1s0": `-> ${nic}/net/enp1s0`, [`${nic}/net/enp1s0/device`]: `-> ${nic}`,
  "/sys/class/net/lo/type": "772\n",
  ...pci("0000:01:10.0", { vendor: "0x8086\n", device: "0x1520\n", class: "0x020000\n", physfn: "-> /sys/devices/pci0000:00/0000:01:00.0" }),
  ...pci("0000:03:00.0", { vendor: "0x10de\n", device: "0x1db4\n", class: "0x030200\n", driver: "-> /sys/bus/pci/drivers/nvidia", "drm/card0/dev": "226:0\n", "drm/renderD128/dev": "226:128\n" }),
  "/sys/class/drm/card0/dev": "226:0\n", "/sys/class/drm/card0/device": "-> /sys/devices/pci0000:00/0000:03:00.0", "/sys/class/drm/version": "1\n",
  "/proc/driver/nvidia/gpus/0000:03:00.0/information": "Model: \t\t Tesla V100\nDevice Minor: \t 0\n",
  ...pci("0000:02:00.0", { vendor: "0x1234\n", device: "0x0001\n", class: "0x010802\n" }),
  ...at(disk, { model: "Fast Disk   \n", firmware_rev: "1.0\n", subsystem: "-> /sys/class/nvme", numa_node: "0\n" }),
  "/sys/class/block/nvme0n1": `-> ${disk}/nvme0n1`, [`${disk}/nvme0n1/device`]: `-> ${disk}`,
  ...at(`${disk}/nvme0n1`, { dev: "259:0\n", size: "2048\n", ro: "0\n", removable: "0\n", wwid: "eui.1\n", "queue/physical_block_size": "4096\n", "queue/rotational": "0\n" }),
  "/sys/class/block/nvme0n1p1": `-> ${disk}/nvme0n1/nvme0n1p1`,
  ...at(`${disk}/nvme0n1/nvme0n1p1`, { dev: "259:1\n", size: "1024\n", ro: "1\n", partition: "1\n" }),
  "/sys/class/block/loop0/dev": "7:0\n",
  "/run/udev/data/b259:0": "S:disk/by-id/x\nE:ID_MODEL_ENC=Fast\\x20Disk\\x20\\x20\nE:ID_SERIAL_SHORT=S123\n",
  "/dev/disk/by-id/nvme-Fast_Disk_S123": "-> /dev/nvme0n1", "/dev/disk/by-path/pci-0000:02:00.0-nvme-1": "-> /dev/nvme0n1",
  ...at("/sys/bus/usb/devices/usb1", { busnum: "1\n", devnum: "1\n", bDeviceClass: "09\n" }),
  ...at("/sys/bus/usb/devices/1-1", { busnum: "1\n", devnum: "5\n", bDeviceClass: "00\n", idVendor: "0951\n", idProduct: "1666\n", speed: "5000\n" }),
  ...at("/sys/bus/usb/devices/1-1/1-1:1.0", { bInterfaceClass: "08\n", bInterfaceSubClass: "06\n", bInterfaceNumber: "00\n", driver: "-> /sys/bus/usb/drivers/usb-storage" }),
  ...at("/sys/class/dmi/id", { product_uuid: "U-1\n", sys_vendor: "Maker\n", product_name: "Model\n", bios_vendor: "Bios\n", bios_date: "01/01/2026\n", chassis_type: "23\n", board_name: "Board\n" }),
});

test("processors: sockets, cores, threads, caches, frequencies and nodes", () => {
  const { sockets, total } = readAll(server).cpu;
  assert.equal(total, 4);
  assert.deepEqual(sockets.map(({ socket, name, vendor }) => [socket, name, vendor]), [[0, "Xeon A", "GenuineIntel"], [1, "Xeon B", "GenuineIntel"]]);
  assert.deepEqual(sockets[0]?.cores, [{
    core: 0, die: 0, frequency: 2400,
    threads: [{ id: 0, numa_node: 0, thread: 0, online: true, isolated: false }, { id: 1, numa_node: 0, thread: 1, online: true, isolated: false }],
  }]);
  assert.deepEqual(sockets[1]?.cores.map(({ core, threads }) => [core, threads[0]?.id, threads[0]?.numa_node, threads[0]?.isolated]), [[0, 2, 1, false], [4, 3, 1, true]]);
  assert.deepEqual(sockets[0]?.cache, [{ level: 1, type: "Data", size: 32_768 }]);
  assert.deepEqual([sockets[0]?.frequency, sockets[0]?.frequency_minimum, sockets[0]?.frequency_turbo], [2400, 800, 3600]);
});

test("memory with its huge pages and nodes", () => {
  const page = 2048 * 1024;
  assert.deepEqual(readAll(server).memory, {
    nodes: [0, 1].map((numa_node) => ({ numa_node, hugepages_total: 4 * page, hugepages_used: 3 * page, used: 400 * 1024, total: 1000 * 1024 })),
    hugepages_total: 8 * page, hugepages_used: 6 * page, hugepages_size: page, total: 4000 * 1024, used: 2000 * 1024,
  });
  const blocks = tree({
    "/proc/meminfo": "MemTotal: 900 kB\nMemFree: 100 kB\n", "/sys/devices/system/memory/block_size_bytes": "100000\n",
    "/sys/devices/system/memory/memory0/online": "1\n", "/sys/devices/system/memory/memory1/online": "0\n",
  });
  assert.deepEqual([readAll(blocks).memory.total, readAll(blocks).memory.used], [0x100000, 0x100000 - 100 * 1024]);
});

test("network cards have ports, names and virtual functions", () => {
  const { cards, total } = readAll(server).network;
  assert.equal(total, 2);
  const { sriov, ...card } = cards[0] ?? assert.fail("no card");
  assert.deepEqual(card, {
    driver: "igb", driver_version: "6.1.0", numa_node: 1, pci_address: "0000:01:00.0", vendor: "Intel Corporation", product: "I350 Gigabit", vendor_id: "8086", product_id: "1521",
    firmware_version: "1.63",
    ports: [{
      id: "enp1s0", address: "aa:bb:cc:dd:ee:ff", port: 0, protocol: "ethernet", supported_modes: ["100baseT/Full", "1000baseT/Full"], supported_ports: ["twisted pair"],
      port_type: "twisted pair", transceiver_type: "internal", auto_negotiation: true, link_detected: true, link_speed: 1000, link_duplex: "full",
    }],
  });
  assert.deepEqual([sriov?.current_vfs, sriov?.maximum_vfs, sriov?.vfs.map((one) => one.pci_address)], [1, 7, ["0000:01:10.0"]]);
});

test("graphics cards have device nodes and what their maker's driver tells", () => {
  const { cards, total } = readAll(server).gpu;
  assert.equal(total, 1);
  assert.deepEqual([cards[0]?.vendor, cards[0]?.product, cards[0]?.driver], ["NVIDIA Corporation", "Tesla V100", "nvidia"]);
  assert.deepEqual(cards[0]?.drm, { id: 0, card_name: "card0", card_device: "226:0", render_name: "renderD128", render_device: "226:128" });
  assert.deepEqual(cards[0]?.nvidia, { brand: "Tesla", model: "Tesla V100", card_name: "nvidia0", card_device: "195:0" });
});

test("disks have partitions and what udev knows of them", () => {
  const { disks, total } = readAll(server).storage;
  assert.equal(total, 2);
  assert.deepEqual(disks, [{
    id: "nvme0n1", device: "259:0", model: "Fast Disk", type: "nvme", read_only: false, size: 2 ** 20, removable: false, wwn: "eui.1", numa_node: 0,
    device_path: "pci-0000:02:00.0-nvme-1", block_size: 4096, firmware_version: "1.0", rpm: 0, serial: "S123", device_id: "nvme-Fast_Disk_S123",
    partitions: [{ id: "nvme0n1p1", device: "259:1", read_only: true, size: 2 ** 19, partition: 1 }],
  }]);
});

test("USB and PCI devices have their names, classes and drivers", () => {
  const { usb, pci: bus } = readAll(server);
  assert.deepEqual(usb, { total: 1, devices: [{
    bus_address: 1, device_address: 5, vendor: "Kingston", vendor_id: "0951", product: "DataTraveler", product_id: "1666", speed: 5000,
    interfaces: [{ class: "Mass Storage", class_id: 8, subclass: "SCSI", subclass_id: 6, number: 0, driver: "usb-storage", driver_version: "6.1.0" }],
  }] });
  assert.equal(bus.total, 4);
  assert.deepEqual(bus.devices[0], {
    driver: "igb", driver_version: "6.1.0", numa_node: 1, pci_address: "0000:01:00.0", vendor: "Intel Corporation", vendor_id: "8086", product: "I350 Gigabit",
    product_id: "1521", iommu_group: 12, vpd: {},
  });
});

test("the machine is named, and told from a virtual one and a container", () => {
  const { system } = readAll(server);
  assert.deepEqual([system.uuid, system.vendor, system.product, system.type], ["U-1", "Maker", "Model", "physical"]);
  assert.deepEqual([system.firmware?.vendor, system.chassis?.type, system.motherboard?.product], ["Bios", "Rack Mount Chassis", "Board"]);
  assert.equal(readAll(tree({ "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor\n" })).system.type, "virtual-machine");
  assert.equal(readAll(tree({ "/proc/1/environ": "A=1\0container=lxc\0" })).system.type, "container");
});

test("vital product data is read as far as it goes, whatever a card says", () => {
  const large = (tag: number, data: Buffer) => Buffer.concat([Buffer.from([tag, data.length & 0xff, data.length >> 8]), data]);
  const entry = (key: string, value: string) => Buffer.concat([Buffer.from(key), Buffer.from([value.length]), Buffer.from(value)]);
  const whole = Buffer.concat([large(0x82, Buffer.from("Card\0")), large(0x90, Buffer.concat([entry("PN", "123 "), entry("RV", "x"), entry("V0", "mine")])), Buffer.from([0x78])]);
  assert.deepEqual(parseVpd(whole), { product_name: "Card", entries: { PN: "123", V0: "mine" } });
  for (let cut = 0; cut < whole.length; cut++) assert.doesNotThrow(() => parseVpd(whole.subarray(0, cut)));
  assert.deepEqual(parseVpd(Buffer.alloc(100, 0xff)), {});
});

test("names are looked up within their vendor", () => {
  const names = new DeviceNames(server, "pci.ids");
  assert.deepEqual(names.device("8086", "1db4"), { vendor: "Intel Corporation" });
  assert.deepEqual(names.device("ffff", "1521"), {});
});

test("a machine that shows nothing has nothing", () => {
  const { cpu: processors, memory, gpu, network, storage, usb, pci: bus, system } = readAll(tree({}));
  assert.deepEqual([processors.sockets, processors.total, memory.total, memory.nodes], [[], 0, 0, undefined]);
  assert.deepEqual([gpu.cards, network.cards, storage.disks, usb.devices, bus.devices], [[], [], [], [], []]);
  assert.deepEqual([system.type, system.firmware], ["unknown", null]);
});
