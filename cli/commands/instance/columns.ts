// The columns of `berth list`.
import type { InstanceFull } from "../../../server/api/instances.ts";
import { parseSize } from "../../../server/api/config-keys/key.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import { CliError } from "../../errors.ts";
import { formatSizeIec, formatUtc, isTimeSet } from "../../output/units.ts";

/** An instance as a list has it: without its state when nothing needs it. */
export type Listed = Omit<InstanceFull, "state" | "snapshots" | "backups"> & Partial<Pick<InstanceFull, "state" | "snapshots" | "backups">>;

export interface Column {
  header: string;
  cell(instance: Listed): string;
  /** Only a list with the state of every instance (recursion=2) can fill it. */
  needsState?: true;
}

const inactive: readonly number[] = [statusCodes.Stopped, statusCodes.Error];

/** The state, when there is one to speak of. */
function activeState(instance: Listed): InstanceFull["state"] | undefined {
  return inactive.includes(instance.status_code) ? undefined : (instance.state ?? undefined);
}

function addresses(instance: Listed, family: string): string {
  const found: string[] = [];
  for (const [name, network] of Object.entries(activeState(instance)?.network ?? {})) {
    if (network.type === "loopback") continue;
    for (const address of network.addresses ?? []) {
      if (address.family === family && address.scope !== "link" && address.scope !== "local") found.push(`${address.address} (${name})`);
    }
  }
  return found.sort().reverse().join("\n");
}

function rootDisk(instance: Listed): [string, Record<string, string>] | undefined {
  return Object.entries(instance.expanded_devices ?? {}).find(([, device]) => device["type"] === "disk" && device["path"] === "/");
}

function memoryPercent(instance: Listed): string {
  const usage = activeState(instance)?.memory.usage ?? 0;
  const limit = parseSize(instance.expanded_config?.["limits.memory"] ?? "");
  return usage > 0 && limit ? `${((usage / limit) * 100).toFixed(1)}%` : "";
}

const ifPositive = (value: number | undefined, format: (value: number) => string) => (value !== undefined && value > 0 ? format(value) : "");
const time = (value: string) => (isTimeSet(value) ? formatUtc(value) : "");
const baseImage = (instance: Listed) => instance.config["volatile.base_image"] ?? "";

const shorthands: Readonly<Record<string, Column>> = {
  "4": { header: "IPV4", cell: (it) => addresses(it, "inet"), needsState: true },
  "6": { header: "IPV6", cell: (it) => addresses(it, "inet6"), needsState: true },
  a: { header: "ARCHITECTURE", cell: (it) => it.architecture },
  b: { header: "STORAGE POOL", cell: (it) => rootDisk(it)?.[1]["pool"] ?? "" },
  c: { header: "CREATED AT", cell: (it) => time(it.created_at) },
  d: { header: "DESCRIPTION", cell: (it) => it.description },
  D: { header: "DISK USAGE", cell: (it) => ifPositive(it.state?.disk?.[rootDisk(it)?.[0] ?? ""]?.usage, formatSizeIec), needsState: true },
  e: { header: "PROJECT", cell: (it) => it.project },
  f: { header: "BASE IMAGE", cell: (it) => baseImage(it).slice(0, 12) },
  F: { header: "BASE IMAGE", cell: baseImage },
  l: { header: "LAST USED AT", cell: (it) => time(it.last_used_at) },
  L: { header: "LOCATION", cell: (it) => it.location },
  m: { header: "MEMORY USAGE", cell: (it) => ifPositive(activeState(it)?.memory.usage, formatSizeIec), needsState: true },
  M: { header: "MEMORY USAGE%", cell: memoryPercent, needsState: true },
  n: { header: "NAME", cell: (it) => it.name },
  N: { header: "PROCESSES", cell: (it) => activeState(it)?.processes?.toString() ?? "", needsState: true },
  p: { header: "PID", cell: (it) => activeState(it)?.pid?.toString() ?? "", needsState: true },
  P: { header: "PROFILES", cell: (it) => (it.profiles ?? []).join("\n") },
  s: { header: "STATE", cell: (it) => it.status.toUpperCase() },
  S: { header: "SNAPSHOTS", cell: (it) => String(it.snapshots?.length ?? 0), needsState: true },
  t: { header: "TYPE", cell: (it) => (it.type || "container").toUpperCase() + (it.ephemeral ? " (EPHEMERAL)" : "") },
  u: { header: "CPU USAGE", cell: (it) => ifPositive(activeState(it)?.cpu.usage, (usage) => `${Math.floor(usage / 1e9)}s`), needsState: true },
};

/** Parses `ns46,volatile.eth0.hwaddr:MAC,devices:eth0.parent:ETHP:8`. Throws on what it does not know. */
export function parseColumns(spec: string): Column[] {
  return spec.split(",").flatMap((entry) => {
    if (entry === "") throw new CliError(`Empty column entry (redundant, leading or trailing command) in '${spec}'`);
    // A key always holds a period; anything else is shorthands.
    return entry.includes(".") ? [parseKeyColumn(entry)] : [...entry].map((letter) => shorthand(letter, entry));
  });
}

function shorthand(letter: string, entry: string): Column {
  const column = Object.hasOwn(shorthands, letter) ? shorthands[letter] : undefined;
  if (!column) throw new CliError(`Unknown column shorthand char '${letter}' in '${entry}'`);
  return column;
}

function parseKeyColumn(entry: string): Column {
  const fields = entry.split(":");
  const kind = fields.length > 1 && (fields[0] === "config" || fields[0] === "devices") ? fields.shift() : "config";
  if (fields.length > 3) throw new CliError(`Invalid config key column format (too many fields): '${entry}'`);
  const [key = "", name, width] = fields;
  if (name === "" && width === undefined) throw new CliError(`Invalid name in '${entry}', empty string is only allowed when defining maxWidth`);
  const header = name ?? key;
  const limit = parseWidth(width, header, entry);
  const value = kind === "devices" ? (it: Listed) => deviceValue(it, key) : (it: Listed) => it.config[key] ?? it.expanded_config?.[key] ?? "";
  return { header, cell: (it) => (limit > 0 ? [...value(it)].slice(0, limit).join("") : value(it)) };
}

function parseWidth(width: string | undefined, header: string, entry: string): number {
  if (width === undefined) return -1;
  if (!/^-?\d+$/.test(width)) throw new CliError(`Invalid max width (must be an integer) '${width}' in '${entry}'`);
  if (Number(width) < -1) throw new CliError(`Invalid max width (must -1, 0 or a positive integer) '${width}' in '${entry}'`);
  return Number(width) === 0 ? header.length : Number(width);
}

function deviceValue(instance: Listed, path: string): string {
  const dot = path.indexOf(".");
  const [device, key] = [path.slice(0, dot), path.slice(dot + 1)];
  return instance.devices?.[device]?.[key] ?? instance.expanded_devices?.[device]?.[key] ?? "";
}
