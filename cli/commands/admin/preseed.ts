// The preseed: what `admin init` is to bring about, as YAML in lxd's format.
import type { Config, DeviceMap } from "../../../server/api/schemas.ts";
import { CliError } from "../../errors.ts";
import { configFrom, devicesFrom, fieldsOf } from "../../writable.ts";

export interface PreseedNetwork {
  name: string;
  type: string;
  description: string;
  config: Config;
}
export interface PreseedPool {
  name: string;
  driver: string;
  description: string;
  config: Config;
}
export interface PreseedProfile {
  name: string;
  description: string;
  config: Config;
  devices: DeviceMap;
}

export interface PreseedProject {
  name: string;
  description: string;
  config: Config;
}

export interface Preseed {
  config: Config;
  networks: PreseedNetwork[];
  storage_pools: PreseedPool[];
  profiles: PreseedProfile[];
  projects: PreseedProject[];
  /** What was there but cannot be done: for a warning. */
  ignored: string[];
}

export function emptyPreseed(): Preseed {
  return { config: {}, networks: [], storage_pools: [], profiles: [], projects: [], ignored: [] };
}

const isNothing = (value: unknown) => value === undefined || value === null || value === "" || value === "null" || value === "~";

function listOf(value: unknown, what: string): Record<string, unknown>[] {
  if (isNothing(value)) return [];
  if (!Array.isArray(value)) throw new CliError(`Failed to parse the preseed: ${what} is not a list`);
  return value.map((item) => fieldsOf(item, what));
}

function assertKnown(fields: Record<string, unknown>, known: readonly string[], where: string): void {
  const stranger = Object.keys(fields).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw new CliError(`Failed to parse the preseed: unknown key "${stranger}" in ${where}`, { hint: `known are ${known.join(", ")}.` });
  }
}

const text = (value: unknown) => (isNothing(value) ? "" : String(value));

function named(fields: Record<string, unknown>, what: string): string {
  const name = text(fields["name"]);
  if (name === "") throw new CliError(`Failed to parse the preseed: one of the ${what} has no name`);
  return name;
}

/** Reads a preseed from parsed YAML (texts only). Throws on keys it does not know. */
export function parsePreseed(document: unknown): Preseed {
  const fields = fieldsOf(document, "The preseed");
  assertKnown(fields, ["config", "networks", "storage_pools", "profiles", "projects", "cluster"], "the preseed");
  if (!isNothing(fields["cluster"])) throw new CliError("Failed to parse the preseed: Berth has no clusters", { hint: "remove the key \"cluster\"." });
  const preseed: Preseed = { ...emptyPreseed(), config: configFrom(fields["config"]) };
  for (const network of listOf(fields["networks"], "networks")) {
    assertKnown(network, ["name", "type", "description", "config", "project"], "networks");
    const name = named(network, "networks");
    const project = text(network["project"]);
    if (project !== "" && project !== "default") preseed.ignored.push(`network ${name} of project ${project}`);
    else preseed.networks.push({ name, type: text(network["type"]), description: text(network["description"]), config: configFrom(network["config"]) });
  }
  for (const pool of listOf(fields["storage_pools"], "storage_pools")) {
    assertKnown(pool, ["name", "driver", "description", "config"], "storage_pools");
    const name = named(pool, "storage_pools");
    preseed.storage_pools.push({ name, driver: text(pool["driver"]), description: text(pool["description"]), config: configFrom(pool["config"]) });
  }
  for (const profile of listOf(fields["profiles"], "profiles")) {
    assertKnown(profile, ["name", "description", "config", "devices"], "profiles");
    preseed.profiles.push({
      name: named(profile, "profiles"), description: text(profile["description"]), config: configFrom(profile["config"]), devices: devicesFrom(profile["devices"]),
    });
  }
  for (const project of listOf(fields["projects"], "projects")) {
    assertKnown(project, ["name", "description", "config"], "projects");
    preseed.projects.push({ name: named(project, "projects"), description: text(project["description"]), config: configFrom(project["config"]) });
  }
  return preseed;
}
