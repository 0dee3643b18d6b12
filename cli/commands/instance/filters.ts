// The filters of `berth list`: what the server can tell apart goes to the server, the rest is done here.
import type { Listed } from "./columns.ts";

/** Members of an instance that LXD's filter knows; keys with a period stay with the client, as in lxc. */
const serverKeys = new Set([
  "architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description", "created_at", "name", "status", "status_code",
  "last_used_at", "location", "type", "project", "backups", "state", "snapshots",
]);

/** Splits `key=value` filters the server understands from all others. */
export function splitFilters(filters: readonly string[], keys: ReadonlySet<string> = serverKeys): { server: string; client: string[] } {
  const server: string[] = [];
  const client: string[] = [];
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    const [key, value] = [filter.slice(0, equals), filter.slice(equals + 1)];
    if (equals < 0 || !keys.has(key) || value.includes(",")) client.push(filter);
    else server.push(`${key} eq ${value}`);
  }
  return { server: server.join(" and "), client };
}

/** Whether a short form stands for a key: each part is the start of the key's part. */
export function matchesKey(short: string, full: string): boolean {
  const [shorts, fulls] = [short.split("."), full.split(".")];
  return shorts.length === fulls.length && fulls.every((part, i) => part.startsWith(shorts[i] ?? ""));
}

/** A regular expression, anchored unless it says otherwise; undefined when it is none. */
export function filterPattern(value: string): RegExp | undefined {
  try {
    return new RegExp(/[\^$]/.test(value) ? value : `^${value}$`);
  } catch {
    return undefined;
  }
}

/** Whether a value is what a filter asks for: as a regular expression, or else as it is. */
export function matchesValue(value: string, wanted: string): boolean {
  return filterPattern(wanted)?.test(value) ?? value === wanted;
}

const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase();

const shorthands: Readonly<Record<string, (instance: Listed, wanted: string) => boolean>> = {
  type: (it, wanted) => same(it.type, wanted),
  status: (it, wanted) => same(it.status, wanted),
  architecture: (it, wanted) => same(it.architecture, wanted),
  location: (it, wanted) => same(it.location, wanted),
  ipv4: (it, wanted) => hasAddress(it, wanted, "inet"),
  ipv6: (it, wanted) => hasAddress(it, wanted, "inet6"),
};

function hasAddress(instance: Listed, wanted: string, family: "inet" | "inet6"): boolean {
  // Loaded when it is needed: it would delay every start of the program.
  const { BlockList, isIP } = process.getBuiltinModule("node:net");
  const [network = "", prefix = ""] = wanted.split("/");
  const subnet = new BlockList();
  const version = family === "inet" ? "ipv4" : "ipv6";
  const isSubnet = isIP(network) === (family === "inet" ? 4 : 6) && /^\d+$/.test(prefix) && Number(prefix) <= (family === "inet" ? 32 : 128);
  if (isSubnet) subnet.addSubnet(network, Number(prefix), version);
  return Object.values(instance.state?.network ?? {}).some((it) =>
    (it.addresses ?? []).some((address) => address.family === family && (address.address === wanted || (isSubnet && subnet.check(address.address, version)))),
  );
}

/** Whether an instance passes all filters that the client has to apply. */
export function matchesFilters(instance: Listed, filters: readonly string[]): boolean {
  return filters.every((filter) => {
    const equals = filter.indexOf("=");
    return equals < 0 ? matchesName(instance.name, filter) : matchesPair(instance, filter.slice(0, equals), filter.slice(equals + 1));
  });
}

function matchesName(name: string, filter: string): boolean {
  return filterPattern(filter)?.test(name) || name.startsWith(filter);
}

function matchesPair(instance: Listed, key: string, wanted: string): boolean {
  const shorthand = Object.hasOwn(shorthands, key.toLowerCase()) ? shorthands[key.toLowerCase()] : undefined;
  if (shorthand && wanted.split(",").some((one) => shorthand(instance, one))) return true;
  const config = instance.expanded_config ?? instance.config;
  return config[key] === wanted || Object.entries(config).some(([name, value]) => matchesKey(key, name) && matchesValue(value, wanted));
}
