// What dnsmasq knows about each interface of an instance: one small file per interface.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isOfProject } from "./names.ts";
import { parseIp } from "../../server/api/config-keys/ip.ts";

export interface HostEntry {
  /** Lower-case, with colons. */
  readonly mac: string;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** The name in DNS, without domain: `NAME` or `NAME.PROJECT`. */
  readonly name?: string | undefined;
}

function assertFile(file: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$/.test(file) || file.length > 200) throw new RangeError(`"${file}" is no name for a hosts file`);
}

/** The tag of hosts that DHCP knows no name for, also not the one they say they have. */
export const unnamed = "unnamed";

/** `MAC[,IPv4][,[IPv6]][,NAME]`; of a name of two labels DHCP must not know the first. Throws RangeError for values that are not what they should be. */
export function renderHost({ mac, ipv4, ipv6, name }: HostEntry): string {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(mac)) throw new RangeError(`"${mac}" is no MAC address`);
  if (ipv4 && parseIp(ipv4)?.family !== 4) throw new RangeError(`"${ipv4}" is no IPv4 address`);
  if (ipv6 && parseIp(ipv6)?.family !== 6) throw new RangeError(`"${ipv6}" is no IPv6 address`);
  if (name && !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name)) throw new RangeError(`"${name}" is no host name`);
  return [mac.toLowerCase(), ...(ipv4 ? [ipv4] : []), ...(ipv6 ? [`[${ipv6}]`] : []), ...(name ? [isOfProject(name) ? `set:${unnamed}` : name] : [])].join(",");
}

/** Reads a line that `renderHost` wrote; undefined for anything else. */
export function parseHost(line: string): HostEntry | undefined {
  const [mac, ...rest] = line.trim().split(",");
  if (!mac || !/^[0-9a-f:]{17}$/.test(mac)) return undefined;
  const ipv6 = rest.find((part) => part.startsWith("["))?.slice(1, -1);
  const ipv4 = rest.find((part) => parseIp(part)?.family === 4);
  const name = rest.find((part) => !part.startsWith("[") && !part.startsWith("set:") && part !== ipv4);
  return { mac, ipv4, ipv6, name };
}

/** The DNS name that the name of a hosts file `[PROJECT_]INSTANCE.DEVICE` stands for. */
export function nameOfFile(file: string): string {
  const cut = file.lastIndexOf("_", file.indexOf(".") === -1 ? file.length : file.indexOf("."));
  const instance = file.slice(cut + 1).split(".", 1)[0] ?? "";
  return cut > 0 ? `${instance}.${file.slice(0, cut)}` : instance;
}

/** Makes the folder; dnsmasq reads it as an ordinary user. */
export function makeHostsDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
}

/** Writes an entry in one step: dnsmasq never reads half of one. Returns whether that changed anything. */
export function writeHost(dir: string, file: string, entry: HostEntry): boolean {
  assertFile(file);
  const line = `${renderHost(entry)}\n`;
  const path = `${dir}/${file}`;
  try {
    if (readFileSync(path, "utf8") === line) return false;
  } catch {
    // it is new
  }
  writeFileSync(`${dir}.new`, line, { mode: 0o644 });
  renameSync(`${dir}.new`, path);
  return true;
}

function readHost(path: string): HostEntry | undefined {
  try {
    return parseHost(readFileSync(path, "utf8"));
  } catch {
    return undefined; // gone meanwhile, or never there
  }
}

/** Removes an entry and returns it; undefined when there is none. */
export function deleteHost(dir: string, file: string): HostEntry | undefined {
  assertFile(file);
  const entry = readHost(`${dir}/${file}`);
  rmSync(`${dir}/${file}`, { force: true });
  return entry;
}

/** The names of the files in such a folder; none when it is not there. */
export function listFiles(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}

/** All entries, by file name. */
export function listHosts(dir: string): Map<string, HostEntry> {
  const entries = new Map<string, HostEntry>();
  for (const file of listFiles(dir)) {
    const entry = readHost(`${dir}/${file}`);
    if (entry) entries.set(file, entry);
  }
  return entries;
}
