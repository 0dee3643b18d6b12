// How much the instances of a project may have together, and how much they have. Pure.
import { parseSize } from "../api/config-keys/key.ts";
import { fail } from "../api/errors.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { ProjectRecord } from "./store.ts";

/** An instance with what its profiles bring. */
export interface Member {
  name: string;
  config: Config;
  devices: DeviceMap;
}

interface Aggregate {
  /** What of it an instance has, as text; undefined when that is not said. */
  of: (member: Member) => string | undefined;
  /** Undefined when it cannot be added up. */
  parse: (value: string) => number | undefined;
  print: (total: number) => string;
  /** What an instance lacks whose share is not said. */
  lacks: string;
}

const count = (value: string) => (/^\d{1,15}$/.test(value) ? Number(value) : undefined);

/** As LXD's tools print sizes. */
function printSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  const power = Math.min(units.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes}B` : `${(bytes / 1024 ** power).toFixed(1)}${units[power]}`;
}

const fromConfig = (key: string, parse: Aggregate["parse"], print: Aggregate["print"]): Aggregate =>
  ({ of: ({ config }) => config[key] || undefined, parse, print, lacks: `"${key}" config, either directly or via a profile` });

const rootSize = ({ devices }: Member) => Object.values(devices).find((device) => device["type"] === "disk" && device["path"] === "/")?.["size"] || undefined;

/** What is added up over all instances. A percentage of memory and pinned processors are no share that could be. */
const aggregates: Readonly<Record<string, Aggregate>> = {
  "limits.cpu": fromConfig("limits.cpu", count, String),
  "limits.disk": { of: rootSize, parse: parseSize, print: printSize, lacks: '"size" config set on the root device either directly or via a profile' },
  "limits.memory": fromConfig("limits.memory", parseSize, printSize),
  "limits.processes": fromConfig("limits.processes", count, String),
};

/** What the instances of a project count as. */
const counted: Readonly<Record<string, { of: (members: readonly Member[]) => number; what: string }>> = {
  "limits.instances": { of: (members) => members.length, what: "total instances" },
  "limits.containers": { of: (members) => members.length, what: "instances of type container" },
  "limits.virtual-machines": { of: () => 0, what: "instances of type virtual-machine" },
};

/** Whether a project limits what its instances have. */
export function hasLimits({ config }: ProjectRecord): boolean {
  return Object.keys(config).some((key) => Object.hasOwn(aggregates, key) || Object.hasOwn(counted, key));
}

/** What an instance has of what a key limits; undefined when that cannot be told. */
function shareOf(key: string, member: Member): number | undefined {
  const value = aggregates[key]?.of(member);
  return value === undefined ? undefined : aggregates[key]?.parse(value);
}

function totalOf(key: string, members: readonly Member[]): number {
  return members.reduce((sum, member) => sum + (shareOf(key, member) ?? 0), 0);
}

const limitOf = (key: string, config: Config): number => aggregates[key]?.parse(config[key] ?? "") ?? 0;

/** Throws `project_limit` when an instance does not say how much it has of what its project limits. */
function assertShares(key: string, { name }: ProjectRecord, members: readonly Member[]): void {
  for (const member of members) {
    if (shareOf(key, member) !== undefined) continue;
    const value = aggregates[key]?.of(member);
    if (value === undefined) throw fail("project_limit", { reason: `Instance "${member.name}" in project "${name}" has no ${aggregates[key]?.lacks}`, hint: `Set it for the instance or in a profile: the project has ${key}.` });
    const why = key === "limits.cpu" ? "CPUs can't be pinned if project limits are used" : "Value can't be a percentage";
    throw fail("project_limit", { reason: `Failed parsing "${key}" for instance "${member.name}" in project "${name}": ${why}`, hint: "" });
  }
}

/** The first key whose limit these instances break. Throws `project_limit` when one does not say what it has. */
function brokenLimit(project: ProjectRecord, members: readonly Member[]): string | undefined {
  const { config } = project;
  const tooMany = Object.entries(counted).find(([key, { of }]) => config[key] !== undefined && of(members) > Number(config[key]));
  if (tooMany) return tooMany[0];
  return Object.keys(aggregates).filter((key) => config[key]).find((key) => {
    assertShares(key, project, members);
    return totalOf(key, members) > limitOf(key, config);
  });
}

/** Throws `project_limit` when these instances are more, or have more, than the project lets them. */
export function assertWithinLimits(project: ProjectRecord, members: readonly Member[]): void {
  const key = brokenLimit(project, members);
  if (key === undefined) return;
  if (aggregates[key]) {
    throw fail("project_limit", { reason: `Reached maximum aggregate value "${project.config[key]}" for "${key}" in project "${project.name}"`, hint: usedBy(key, members) });
  }
  const type = key === "limits.instances" ? "" : ' of type "container"';
  throw fail("project_limit", { reason: `Reached maximum number of instances${type} in project "${project.name}"`, hint: `${key} is ${project.config[key]}.` });
}

/** Throws `project_limit_low` when a limit is set lower than what is there already. */
export function assertLimitsFit(project: ProjectRecord, members: readonly Member[]): void {
  const key = brokenLimit(project, members);
  if (key === undefined) return;
  const current = counted[key]
    ? `there currently are ${counted[key].of(members)} ${counted[key].what} in project "${project.name}"`
    : `current total is "${aggregates[key]?.print(totalOf(key, members))}"`;
  throw fail("project_limit_low", { reason: `"${key}" is too low: ${current}`, hint: counted[key] ? `They are: ${names(members)}` : usedBy(key, members) });
}

const most = 10;

function names(members: readonly Member[]): string {
  return `${members.slice(0, most).map(({ name }) => name).join(", ")}${members.length > most ? ` and ${members.length - most} more` : ""}`;
}

function usedBy(key: string, members: readonly Member[]): string {
  const users = members.filter((member) => (shareOf(key, member) ?? 0) > 0);
  return `What uses it: ${users.slice(0, most).map((member) => `${member.name} (${aggregates[key]?.of(member)})`).join(", ")}${users.length > most ? ` and ${users.length - most} more` : ""}`;
}

export interface Usage {
  Limit: number;
  Usage: number;
}

/** What a project uses of everything that can be limited; -1: no limit. */
export function usageOf({ config }: ProjectRecord, members: readonly Member[], networks: number): Record<string, Usage> {
  const bare = (key: string) => key.replace(/^limits\./, "");
  const number = (key: string) => (config[key] === undefined ? -1 : Number(config[key]));
  return {
    ...Object.fromEntries(Object.entries(counted).map(([key, { of }]) => [bare(key), { Limit: number(key), Usage: of(members) }])),
    ...Object.fromEntries(Object.keys(aggregates).map((key) => [bare(key), { Limit: config[key] ? limitOf(key, config) : -1, Usage: totalOf(key, members) }])),
    networks: { Limit: number("limits.networks"), Usage: networks },
  };
}
