// What a machine has, in lxc's words: `berth info --resources`.
import type { Resources, ResourcesCpu, ResourcesDisk, ResourcesGpuCard, ResourcesMemory, ResourcesNetworkCard, ResourcesPort } from "../../../server/api/resources.ts";
import { formatSizeIec } from "../../output/units.ts";

const indent = (lines: readonly string[], by: string) => lines.map((line) => by + line);

/** `Vendor: Intel (8086)`, or nothing. */
const named = (title: string, name: string | undefined, id: string | undefined) => (name ? [`${title}: ${name} (${id ?? ""})`] : []);
const member = (title: string, value: string | undefined) => (value ? [`${title}: ${value}`] : []);

function renderSocket(socket: ResourcesCpu["sockets"][number]): string[] {
  const { frequency, frequency_minimum: least, frequency_turbo: most } = socket;
  const range = least && most ? ` (min: ${least}Mhz, max: ${most}Mhz)` : "";
  return [
    ...member("Vendor", socket.vendor), ...member("Name", socket.name),
    ...(socket.cache ? ["Caches:", ...socket.cache.map(({ level, type, size }) => `  - Level ${level} (type: ${type}): ${formatSizeIec(size, 0)}`)] : []),
    "Cores:",
    ...socket.cores.flatMap(({ core, frequency: now, threads }) => [
      `  - Core ${core}`, `    Frequency: ${now ?? 0}Mhz`, "    Threads:",
      ...threads.map(({ thread, id, online, numa_node: node }) => `      - ${thread} (id: ${id}, online: ${online}, NUMA node: ${node})`),
    ]),
    ...(frequency ? [`Frequency: ${frequency}Mhz${range}`] : []),
  ];
}

function renderCpu({ architecture, sockets }: ResourcesCpu): string[] {
  const [first] = sockets;
  if (!first) return [];
  if (sockets.length === 1) return [`CPU (${architecture}):`, ...indent(renderSocket(first), "  ")];
  return [`CPUs (${architecture}):`, ...sockets.flatMap((socket) => [`  Socket ${socket.socket}:`, ...indent(renderSocket(socket), "    ")])];
}

function sizes(total: number, used: number): string[] {
  return [`Free: ${formatSizeIec(total - used)}`, `Used: ${formatSizeIec(used)}`, `Total: ${formatSizeIec(total)}`];
}

type Pages = Pick<ResourcesMemory, "hugepages_total" | "hugepages_used" | "total" | "used">;

const hugepages = ({ hugepages_total: total, hugepages_used: used }: Pages) => (total > 0 ? ["Hugepages:", ...indent(sizes(total, used), "  ")] : []);

function renderMemory(memory: ResourcesMemory): string[] {
  const nodes = memory.nodes && memory.nodes.length > 1 ? memory.nodes : [];
  return [
    "", "Memory:", ...indent([
      ...hugepages(memory),
      ...(nodes.length > 0 ? ["NUMA nodes:", ...nodes.flatMap((node) => [`  Node ${node.numa_node}:`, ...indent([...hugepages(node), ...sizes(node.total, node.used)], "    ")])] : []),
      ...sizes(memory.total, memory.used),
    ], "  "),
  ];
}

/** Of one: its lines below a title; of several: each below its number. */
function renderAll<T>(one: string, several: string, each: string, items: readonly T[], render: (item: T) => string[]): string[] {
  const [first] = items;
  if (first === undefined) return [];
  if (items.length === 1) return ["", `${one}:`, ...indent(render(first), "  ")];
  return ["", `${several}:`, ...items.flatMap((item, i) => [`  ${each} ${i}:`, ...indent(render(item), "    ")])];
}

type Functions<T> = { current_vfs: number; maximum_vfs: number; vfs: T[] } | undefined;

function renderFunctions<T>(sriov: Functions<T>, render: (card: T) => string[]): string[] {
  if (!sriov) return [];
  const lines = ["SR-IOV information:", `  Current number of VFs: ${sriov.current_vfs}`, `  Maximum number of VFs: ${sriov.maximum_vfs}`];
  if (sriov.vfs.length === 0) return lines;
  return [...lines, `  VFs: ${sriov.maximum_vfs}`, ...sriov.vfs.flatMap((card) => render(card).map((line, i) => `${i === 0 ? "  - " : "    "}${line}`))];
}

type Card = Pick<ResourcesNetworkCard, "numa_node" | "vendor" | "vendor_id" | "product" | "product_id" | "pci_address" | "driver" | "driver_version">;

function renderCard(card: Card): string[] {
  return [
    `NUMA node: ${card.numa_node}`, ...named("Vendor", card.vendor, card.vendor_id), ...named("Product", card.product, card.product_id),
    ...member("PCI address", card.pci_address), ...named("Driver", card.driver, card.driver_version),
  ];
}

function renderGpu(card: ResourcesGpuCard): string[] {
  const { drm, nvidia, mdev } = card;
  return [
    ...renderCard(card),
    ...(drm ? ["DRM:", ...indent([
      `ID: ${drm.id}`, ...named("Card", drm.card_name, drm.card_device), ...named("Control", drm.control_name, drm.control_device),
      ...named("Render", drm.render_name, drm.render_device),
    ], "  ")] : []),
    ...(nvidia ? ["NVIDIA information:", ...indent(["Architecture: ", `Brand: ${nvidia.brand}`, `Model: ${nvidia.model}`, "CUDA Version: ", "NVRM Version: ", "UUID: "], "  ")] : []),
    ...renderFunctions(card.sriov, renderGpu),
    ...(mdev ? ["Mdev profiles:", ...Object.entries(mdev).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, type]) => [
      `  - ${name} (${type.available} available)`, ...(type.description ? indent(type.description.split("\n"), "      ") : []),
    ])] : []),
  ];
}

function renderPort(port: ResourcesPort): string[] {
  const infiniband = port.infiniband;
  return [
    `- Port ${port.port} (${port.protocol})`,
    ...indent([
      `ID: ${port.id}`, ...member("Address", port.address),
      ...(port.supported_modes?.length ? [`Supported modes: ${port.supported_modes.join(", ")}`] : []),
      ...(port.supported_ports?.length ? [`Supported ports: ${port.supported_ports.join(", ")}`] : []),
      ...member("Port type", port.port_type), ...member("Transceiver type", port.transceiver_type),
      `Auto negotiation: ${port.auto_negotiation}`, `Link detected: ${port.link_detected}`,
      ...(port.link_speed ? [`Link speed: ${port.link_speed}Mbit/s (${port.link_duplex ?? ""} duplex)`] : []),
      ...(infiniband ? ["Infiniband:", ...indent([
        ...named("IsSM", infiniband.issm_name, infiniband.issm_device), ...named("MAD", infiniband.mad_name, infiniband.mad_device),
        ...named("Verb", infiniband.verb_name, infiniband.verb_device),
      ], "  ")] : []),
    ], "  "),
  ];
}

function renderNic(card: ResourcesNetworkCard): string[] {
  const ports = card.ports ?? [];
  return [...renderCard(card), ...(ports.length > 0 ? ["Ports:", ...indent(ports.flatMap(renderPort), "  ")] : []), ...renderFunctions(card.sriov, renderNic)];
}

function renderDisk(disk: ResourcesDisk): string[] {
  return [
    `NUMA node: ${disk.numa_node}`, `ID: ${disk.id}`, `Device: ${disk.device}`, ...member("Model", disk.model), ...member("Type", disk.type),
    `Size: ${formatSizeIec(disk.size)}`, ...member("WWN", disk.wwn), `Read-Only: ${disk.read_only}`, `Removable: ${disk.removable}`,
    ...(disk.partitions.length > 0 ? ["Partitions:", ...disk.partitions.flatMap((one) => indent([
      `- Partition ${one.partition}`, `  ID: ${one.id}`, `  Device: ${one.device}`, `  Read-Only: ${one.read_only}`, `  Size: ${formatSizeIec(one.size)}`,
    ], "  "))] : []),
  ];
}

/** The text of `berth info --resources`. */
export function renderResources({ cpu, memory, gpu, network, storage }: Resources): string {
  return `${[
    ...renderCpu(cpu), ...renderMemory(memory), ...renderAll("GPU", "GPUs", "Card", gpu.cards, renderGpu),
    ...renderAll("NIC", "NICs", "Card", network.cards, renderNic), ...renderAll("Disk", "Disks", "Disk", storage.disks, renderDisk),
  ].join("\n")}\n`;
}
