// DNS names of two labels, `INSTANCE.PROJECT`: what DHCP cannot give (dnsmasq takes the first label for the name, which belongs to
// the instance of that name in the default project) stands in files of hosts, one for each interface.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { formatIp, parseIp } from "../../server/api/config-keys/ip.ts";
import { slaacAddress } from "../addresses/mac.ts";
import { holds } from "../addresses/subnet.ts";
import type { BridgeSettings, FamilySettings } from "../settings.ts";
import type { HostEntry } from "./hosts.ts";

/** Whether a name is one that DHCP cannot give. */
export const isOfProject = (name: string | undefined): boolean => name?.includes(".") ?? false;

/** An address, when it lies in a subnet. */
export function within(address: string | undefined, settings: FamilySettings | undefined): string | undefined {
  const ip = parseIp(address ?? "");
  return ip && settings && holds(settings.cidr, ip) ? formatIp(ip) : undefined;
}

/** The addresses of an interface that are known beforehand, each with its name. */
export function renderNames({ ipv4, ipv6, domain }: BridgeSettings, { mac, ...entry }: HostEntry, name: string): string {
  const slaac = ipv6 && !ipv6.stateful ? slaacAddress(ipv6.cidr, mac) : undefined;
  const addresses = [within(entry.ipv4, ipv4), within(entry.ipv6, ipv6) ?? slaac].filter((address) => address !== undefined);
  return addresses.map((address) => `${address} ${name}.${domain}\n`).join("");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // there is none
  }
}

/** Writes a file in one step, or removes it when there is nothing to say. Returns whether that changed anything. */
export function writeNames(dir: string, file: string, text: string): boolean {
  const path = `${dir}/${file}`;
  if ((read(path) ?? "") === text) return false;
  if (text === "") rmSync(path, { force: true });
  else {
    writeFileSync(`${dir}.new`, text, { mode: 0o644 });
    renameSync(`${dir}.new`, path);
  }
  return true;
}
