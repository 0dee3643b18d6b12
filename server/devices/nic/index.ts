// Network interfaces.
import type { Config } from "../../api/schemas.ts";
import type { DeviceCall, DeviceType, DeviceWorld } from "../device.ts";
import { announceBridged, makeMac, prepareBridged, withdrawBridged } from "./bridged.ts";
import { addressFault, checks, commonOptions } from "./options.ts";

function fault(options: Config, world: DeviceWorld): string | undefined {
  const { network, nictype, parent } = options;
  if (network && (nictype || parent)) return '"network" cannot be combined with "nictype" or "parent"';
  if (!network && nictype !== "bridged") return nictype ? `nictype "${nictype}" is not supported by Berth yet` : 'it needs "network" or "nictype"';
  if (!network && !parent) return 'a bridged nic needs "parent"';
  if (network && !world.hasNetwork(network)) return `network "${network}" was not found`;
  return addressFault(options, world);
}

export const nicDevice: DeviceType = {
  options: {
    ...commonOptions,
    host_name: { type: { kind: "check", name: "interface name", check: checks.interfaceName }, description: "Of the host's end; made up when absent" },
    "ipv4.address": { type: { kind: "check", name: "address", check: checks.address(4) }, description: "That DHCP gives it" },
    "ipv6.address": { type: { kind: "check", name: "address", check: checks.address(6) }, description: "That DHCP gives it" },
  },
  fault,
  remember(call: DeviceCall) {
    if (!call.options["hwaddr"]) call.volatile["hwaddr"] ??= makeMac();
  },
  announce: announceBridged,
  withdraw: withdrawBridged,
  prepare: prepareBridged,
  release({ volatile }: DeviceCall) {
    delete volatile["host_name"];
  },
};
