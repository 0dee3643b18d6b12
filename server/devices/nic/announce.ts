// What a bridged nic and its managed network know of each other: the name and addresses that DHCP and DNS have for it.
import { parseIp } from "../../api/config-keys/ip.ts";
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { slaacAddress } from "../../../networks/addresses/mac.ts";
import { type FamilySettings, readSettings } from "../../../networks/settings.ts";
import type { DeviceCall, DeviceHost } from "../device.ts";
import { deviceFailure } from "./failure.ts";
import { freeAddress } from "./free-address.ts";
import { kindOf } from "./kinds.ts";
import { macOf } from "./names.ts";

type Networks = DeviceHost["networks"];

/** The managed network that a nic is on, named as such or as its parent. */
export function networkOf(networks: Networks, options: Config): string | undefined {
  const bridge = options["network"] || options["parent"];
  return kindOf(options) === "bridged" && bridge && networks.find(bridge) ? bridge : undefined;
}

export interface Reserved {
  ipv4: string | undefined;
  ipv6: string | undefined;
}

const idOf = ({ instance, name }: DeviceCall): string => `${instance.systemName}.${name}`;

/** Tells the network; gives the addresses that it keeps for the nic. One that is filtered by its address is given one here. */
export function announceNic(call: DeviceCall): Reserved {
  const { host, options } = call;
  const network = networkOf(host.networks, options);
  const own: Reserved = { ipv4: given(options["ipv4.address"]), ipv6: given(options["ipv6.address"]) };
  if (!network) return own;
  const settings = readSettings(network, host.networks.find(network)?.config ?? {});
  for (const family of ["ipv4", "ipv6"] as const) {
    if (options[`${family}.address`] || !isTrue(options[`security.${family}_filtering`])) continue;
    own[family] = reserve(call, network, settings[family]);
  }
  // The name of an instance in a project is known by an address that stays (see networks/dnsmasq/names.ts).
  const named = settings.dnsMode === "managed" && call.instance.hostname.includes(".");
  const ipv4 = own.ipv4 ?? (named && !options["ipv4.address"] ? reserve(call, network, settings.ipv4) : undefined);
  const dhcp6 = settings.ipv6?.stateful ? own.ipv6 : undefined; // what a guest makes of advertisements is not given by DHCP
  host.networks.setHost(network, idOf(call), { mac: macOf(call), ipv4: settings.ipv4 ? ipv4 : undefined, ipv6: dhcp6, name: call.instance.hostname });
  return own;
}

/** Throws `device_start_failed` when an address that it is to have is reserved for another nic. */
export function assertAddressesFree(call: DeviceCall): void {
  const { host, options } = call;
  const network = networkOf(host.networks, options);
  const rows = network ? host.networks.leases(network) : [];
  for (const address of [options["ipv4.address"], options["ipv6.address"]]) {
    const ip = parseIp(address ?? "");
    const other = ip && rows.find((row) => row.type === "static" && row.hwaddr !== macOf(call) && parseIp(row.address)?.value === ip.value);
    if (other) throw deviceFailure(call, `IP address "${address}" already defined on another NIC`);
  }
}

export async function withdrawNic(call: DeviceCall): Promise<void> {
  const network = networkOf(call.host.networks, call.options);
  if (network) await call.host.networks.removeHost(network, idOf(call));
}

const given = (value: string | undefined): string | undefined => (value && value !== "none" ? value : undefined);

/** The address that it has already, or else one that nobody has; undefined where DHCP gives none. */
function reserve(call: DeviceCall, network: string, settings: FamilySettings | undefined): string | undefined {
  if (!settings?.dhcp) return undefined;
  const mac = macOf(call);
  if (settings.family === 6 && !settings.stateful) return slaacAddress(settings.cidr, mac);
  const rows = call.host.networks.leases(network).filter(({ address }) => parseIp(address)?.family === settings.family);
  const own = rows.find(({ hwaddr, type }) => hwaddr === mac && type !== "gateway");
  return own?.address ?? freeAddress(settings, new Set(rows.map(({ address }) => address)));
}
