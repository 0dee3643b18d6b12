// Proxies by rules of the firewall (`nat=true`): where they lead to, and what they are called there.
import { fail } from "../../api/errors.ts";
import { parseCidr, parseIp, subnetBounds, formatCidr } from "../../api/config-keys/ip.ts";
import { applyNatForward, removeNatForward } from "../../../networks/nftables/apply-forward.ts";
import type { NatForward } from "../../../networks/nftables/nat-forward.ts";
import { run } from "../../host/run.ts";
import type { DeviceCall } from "../device.ts";
import { familyOf, isWildcard, parseAddress } from "./address.ts";

export const labelOf = ({ instance, name }: Pick<DeviceCall, "instance" | "name">): string => `${instance.systemName}.${name}`;

/** The nic that has the address the proxy leads to. Throws `invalid_device`. */
function findTarget(call: DeviceCall): { nic: DeviceCall; address: string } {
  const listen = parseAddress(call.options["listen"] ?? "");
  const connect = parseAddress(call.options["connect"] ?? "");
  const family = familyOf(listen);
  const any = isWildcard(connect);
  for (const nic of call.all) {
    if (nic.options["type"] !== "nic") continue;
    const fixed = (nic.options[`ipv${family}.address`] ?? "").split(",").map((address) => address.trim()).filter((address) => parseIp(address)?.family === family);
    const address = any ? fixed[0] : fixed.find((one) => parseIp(one)?.value === parseIp(connect.address)?.value);
    if (address !== undefined) return { nic, address };
  }
  const reason = any ? `Instance has no static IPv${family} address assigned to be used as the connect IP`
    : `Connect IP "${connect.address}" must be one of the instance's static IPv${family} addresses`;
  throw fail("invalid_device", { device: call.name, reason });
}

/** The subnet of the nic's network, where that is known; the address alone otherwise. */
function neighboursOf({ host, options }: DeviceCall, family: 4 | 6, address: string): string {
  const cidr = parseCidr(host.networks.find(options["network"] ?? "")?.config[`ipv${family}.address`] ?? "");
  return cidr ? formatCidr({ ...cidr, value: subnetBounds(cidr).first }) : address;
}

function planForward(call: DeviceCall): { forward: NatForward; nic: DeviceCall } {
  const listen = parseAddress(call.options["listen"] ?? "");
  const connect = parseAddress(call.options["connect"] ?? "");
  const { nic, address } = findTarget(call);
  const family = familyOf(listen);
  return {
    nic, forward: {
      label: labelOf(call), family, protocol: listen.protocol as "tcp" | "udp", listen: listen.address, listenPorts: listen.ports,
      target: address, targetPorts: connect.ports, neighbours: neighboursOf(nic, family, address),
    },
  };
}

/** Throws `invalid_device` when no nic has the address. */
export function assertNatTarget(call: DeviceCall): void {
  findTarget(call);
}

/** Puts the rules in, or anew. Throws `invalid_device`, `tool_failed`, `tool_missing`. */
export async function startNat(call: DeviceCall): Promise<void> {
  const { forward, nic } = planForward(call);
  const bridge = nic.options["network"] || nic.options["parent"] || "";
  await applyNatForward(forward, { bridge, port: nic.volatile["host_name"] }, run);
}

/** Takes the rules away. Idempotent. */
export function stopNat(call: Pick<DeviceCall, "instance" | "name">): Promise<void> {
  return removeNatForward(labelOf(call), run);
}
