// Network cards and their ports.
import type { Resources, ResourcesNetworkCard, ResourcesPort } from "../../api/resources.ts";
import { devicesIn, findDevices, readBasics, sortCards } from "./cards.ts";
import type { CardSettings, LinkSettings } from "../../host/ethtool.ts";
import { modeBits, portBits, portNames, transceiverNames } from "./link-names.ts";
import type { DeviceNames } from "./names.ts";
import { known, type Sysfs } from "./sysfs.ts";

const protocols: Readonly<Record<number, string>> = { 1: "ethernet", 19: "ATM", 32: "infiniband" };

type Card = Omit<ResourcesNetworkCard, "sriov">;

/** Asks an interface's driver. */
export type AskCard = (name: string) => CardSettings | undefined;

export function readNetworkCards(sysfs: Sysfs, names: DeviceNames, ask: AskCard): Resources["network"] {
  const interfaces = sysfs.list("/sys/class/net").filter((name) => sysfs.has(`/sys/class/net/${name}/device`));
  const devices = findDevices(sysfs, interfaces.map((name) => `/sys/class/net/${name}/device`), "0x02");
  return sortCards(sysfs, devices, (device): Card => {
    const isFunction = sysfs.has(`${device}/physfn`); // its link is that of the whole card
    const found = sysfs.list(`${device}/net`).map((name) => ({ name, settings: isFunction ? undefined : ask(name) }));
    const ports = found.map(({ name, settings }) => readPort(sysfs, device, name, settings?.link));
    return {
      ...readBasics(sysfs, names, device), ...known({ firmware_version: found[0]?.settings?.firmware }), ...(ports.length > 0 ? { ports } : {}),
    };
  });
}

const namesOf = (bits: ReadonlyMap<number, string>, link: LinkSettings) => [...bits].filter(([bit]) => link.supports(bit)).map(([, name]) => name);

function describeLink(link: LinkSettings | undefined): Partial<ResourcesPort> {
  if (!link) return {};
  return {
    supported_modes: namesOf(modeBits, link), supported_ports: namesOf(portBits, link),
    ...known({ port_type: portNames.get(link.port), transceiver_type: transceiverNames[link.transceiver] }),
  };
}

function readPort(sysfs: Sysfs, device: string, id: string, link: LinkSettings | undefined): ResourcesPort {
  const folder = `${device}/net/${id}`;
  const protocol = protocols[sysfs.number(`${folder}/type`) ?? -1] ?? "unknown";
  const port = sysfs.number(`${folder}/dev_port`) ?? 0;
  const isUp = sysfs.text(`${folder}/carrier`) === "1";
  const duplex = sysfs.text(`${folder}/duplex`);
  return {
    id, ...known({ address: sysfs.text(`${folder}/address`) }), port, protocol, ...describeLink(link),
    auto_negotiation: link?.autoNegotiation ?? false, link_detected: isUp,
    ...(isUp ? known({ link_speed: sysfs.number(`${folder}/speed`) || undefined, link_duplex: duplex === "unknown" ? undefined : duplex }) : {}),
    ...known({ infiniband: protocol === "infiniband" ? readInfiniband(sysfs, device, port) : undefined }),
  };
}

function readInfiniband(sysfs: Sysfs, device: string, port: number): ResourcesPort["infiniband"] {
  if (!sysfs.has(`${device}/infiniband`)) return undefined;
  const folder = `${device}/infiniband_mad`;
  const ofPort = (prefix: string) => devicesIn(sysfs, folder, prefix).find(({ name }) => sysfs.number(`${folder}/${name}/port`) === port + 1);
  const [issm, mad] = [ofPort("issm"), ofPort("umad")];
  const [verb] = devicesIn(sysfs, `${device}/infiniband_verbs`, "uverbs");
  return known({
    issm_name: issm?.name, issm_device: issm?.device, mad_name: mad?.name, mad_device: mad?.device, verb_name: verb?.name, verb_device: verb?.device,
  });
}
