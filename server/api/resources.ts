// What the machine has: processors, memory, cards, disks and what it is called. The members are LXD's.
import { type Static, type TSchema, Type } from "typebox";

const [text, count, yes] = [Type.String(), Type.Integer(), Type.Boolean()];
const maybe = <T extends TSchema>(schema: T) => Type.Optional(schema);
const bytes = Type.Integer({ description: "Bytes" });
const megahertz = Type.Integer({ description: "MHz" });

const Thread = Type.Object({ id: count, numa_node: count, thread: count, online: yes, isolated: yes });
const Core = Type.Object({ core: count, die: count, threads: Type.Array(Thread), frequency: maybe(megahertz) });
const Cache = Type.Object({ level: count, type: text, size: bytes });
const Socket = Type.Object({
  name: maybe(text), vendor: maybe(text), socket: count, cache: maybe(Type.Array(Cache)), cores: Type.Array(Core),
  frequency: maybe(megahertz), frequency_minimum: maybe(megahertz), frequency_turbo: maybe(megahertz),
});
const Cpu = Type.Object({ architecture: text, sockets: Type.Array(Socket), total: Type.Integer({ description: "Threads of all cores" }) });

const pages = { hugepages_used: bytes, hugepages_total: bytes, used: bytes, total: bytes };
const Memory = Type.Object({ nodes: maybe(Type.Array(Type.Object({ numa_node: count, ...pages }))), ...pages, hugepages_size: bytes });

const device = {
  driver: maybe(text), driver_version: maybe(text), numa_node: count, pci_address: maybe(text), vendor: maybe(text), vendor_id: maybe(text),
  product: maybe(text), product_id: maybe(text), usb_address: maybe(text),
};
const functions = <T extends TSchema>(card: T) => Type.Object({ current_vfs: count, maximum_vfs: count, vfs: Type.Array(card) });

const Drm = Type.Object({
  id: count, card_name: text, card_device: text, control_name: maybe(text), control_device: maybe(text), render_name: maybe(text), render_device: maybe(text),
});
const Nvidia = Type.Object({ brand: text, model: text, card_name: text, card_device: text });
const Mdev = Type.Object({ api: text, available: count, name: maybe(text), description: maybe(text), devices: Type.Array(text) });
const gpu = { ...device, drm: maybe(Drm), nvidia: maybe(Nvidia), mdev: maybe(Type.Record(Type.String(), Mdev)) };
const GpuCard = Type.Object({ ...gpu, sriov: maybe(functions(Type.Object(gpu))) });

const Infiniband = Type.Object({
  issm_name: maybe(text), issm_device: maybe(text), mad_name: maybe(text), mad_device: maybe(text), verb_name: maybe(text), verb_device: maybe(text),
});
const Port = Type.Object({
  id: text, address: maybe(text), port: count, protocol: text, supported_modes: maybe(Type.Array(text)), supported_ports: maybe(Type.Array(text)),
  port_type: maybe(text), transceiver_type: maybe(text), auto_negotiation: yes, link_detected: yes,
  link_speed: maybe(Type.Integer({ description: "Mbit/s" })), link_duplex: maybe(text), infiniband: maybe(Infiniband),
});
const nic = { ...device, firmware_version: maybe(text), ports: maybe(Type.Array(Port)) };
const NetworkCard = Type.Object({ ...nic, sriov: maybe(functions(Type.Object(nic))) });

const Partition = Type.Object({ id: text, device: text, read_only: yes, size: bytes, partition: count });
const Disk = Type.Object({
  id: text, device: text, model: maybe(text), type: maybe(text), read_only: yes, size: bytes, removable: yes, wwn: maybe(text), numa_node: count,
  device_path: maybe(text), block_size: bytes, firmware_version: maybe(text), rpm: Type.Integer({ description: "1: it turns, how fast is not known" }), serial: maybe(text), device_id: text,
  partitions: Type.Array(Partition), pci_address: maybe(text), usb_address: maybe(text),
});

const Interface = Type.Object({ class: text, class_id: count, driver: text, driver_version: text, number: count, subclass: text, subclass_id: count });
const UsbDevice = Type.Object({
  bus_address: count, device_address: count, interfaces: Type.Array(Interface), vendor: text, vendor_id: text, product: text, product_id: text,
  speed: Type.Number({ description: "Mbit/s" }),
});

const PciDevice = Type.Object({
  driver: text, driver_version: text, numa_node: count, pci_address: text, vendor: text, vendor_id: text, product: text, product_id: text, iommu_group: count,
  vpd: Type.Object({ product_name: maybe(text), entries: maybe(Type.Record(Type.String(), text)) }),
});

const part = { vendor: text, version: text };
const System = Type.Object({
  uuid: text, vendor: text, product: text, family: text, version: text, sku: text, serial: text,
  type: Type.String({ description: "physical, virtual-machine, container or unknown" }),
  firmware: Type.Union([Type.Object({ ...part, date: text }), Type.Null()]),
  chassis: Type.Union([Type.Object({ ...part, type: text, serial: text }), Type.Null()]),
  motherboard: Type.Union([Type.Object({ ...part, product: text, serial: text }), Type.Null()]),
});

const list = <K extends string, T extends TSchema>(key: K, item: T) => Type.Object({ [key]: Type.Array(item), total: count } as { [P in K]: ReturnType<typeof Type.Array<T>> } & { total: typeof count });

export const Resources = Type.Object({
  cpu: Cpu,
  memory: Memory,
  gpu: list("cards", GpuCard),
  network: list("cards", NetworkCard),
  storage: list("disks", Disk),
  usb: list("devices", UsbDevice),
  pci: list("devices", PciDevice),
  system: System,
});
export type Resources = Static<typeof Resources>;
export type ResourcesCpu = Static<typeof Cpu>;
export type ResourcesMemory = Static<typeof Memory>;
export type ResourcesGpuCard = Static<typeof GpuCard>;
export type ResourcesNetworkCard = Static<typeof NetworkCard>;
export type ResourcesPort = Static<typeof Port>;
export type ResourcesDisk = Static<typeof Disk>;
export type ResourcesUsbDevice = Static<typeof UsbDevice>;
export type ResourcesPciDevice = Static<typeof PciDevice>;
export type ResourcesSystem = Static<typeof System>;
