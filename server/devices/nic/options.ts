// Options that nics of several kinds have.
import { BlockList, isIP } from "node:net";
import type { KeyTable } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import type { DeviceWorld } from "../device.ts";

const interfaceName = (value: string) => (/^[\w.-]{1,15}$/.test(value) ? undefined : "it is no interface name (15 letters, digits and ._- at most)");
const mac = (value: string) => (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value) ? undefined : "it is no MAC address");
const address = (version: 4 | 6) => (value: string) => (isIP(value) === version || value === "none" ? undefined : `it is no IPv${version} address`);

export const checks = { interfaceName, mac, address };

export const commonOptions: KeyTable = {
  "boot.priority": { type: { kind: "int", min: 0 }, description: "Kept; containers boot from their root" },
  hwaddr: { type: { kind: "check", name: "MAC address", check: mac }, description: "Made up, and kept, when absent" },
  mtu: { type: { kind: "int", min: 68, max: 65535 }, description: "The parent's when absent" },
  name: { type: { kind: "check", name: "interface name", check: interfaceName }, description: "In the guest; eth0, eth1, … when absent" },
  network: { type: { kind: "string" }, description: "A managed network, in place of nictype and parent" },
  nictype: { type: { kind: "string" }, description: "bridged" },
  parent: { type: { kind: "check", name: "interface name", check: interfaceName }, description: "The host's interface" },
};

/** Addresses of a device on a managed network lie in the network's subnet. */
export function addressFault(options: Config, world: DeviceWorld): string | undefined {
  const network = options["network"] ?? "";
  for (const family of ["ipv4", "ipv6"] as const) {
    const value = options[`${family}.address`];
    if (!value || value === "none") continue;
    const config = world.networkConfig?.(network);
    const [own = "", prefix] = config?.[`${family}.address`]?.split("/") ?? [];
    const subnet = new BlockList();
    if (prefix) subnet.addSubnet(own, Number(prefix), family);
    if (config && !subnet.check(value, family)) return `Device IP address "${value}" not within network "${network}" subnet`;
  }
  return undefined;
}
