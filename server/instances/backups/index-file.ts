// What a backup's index.yaml says, checked strictly: it comes from anywhere.
import { FAILSAFE_SCHEMA, load } from "js-yaml";
import { fail } from "../../api/errors.ts";
import type { Config } from "../../api/schemas.ts";
import type { IdMap, IdRange } from "../../host/user-namespace.ts";
import { noMap } from "../../lxc/idmap.ts";
import type { ArrivingSnapshot } from "../arrive.ts";
import { parseExpiry } from "../snapshots/expiry.ts";

const broken = (reason: string, cause?: unknown) => fail("backup_broken", { reason: `index.yaml: ${reason}` }, cause);

/** What there may be of anything, all in all. */
const mostNodes = 500_000;
const mostSnapshots = 10_000;

/** An instance or a snapshot as a backup has it. */
export interface BackedUp extends ArrivingSnapshot {
  /** The map by which the owners of its files are shifted in the archive. */
  shift: IdMap;
}

export interface BackupIndex {
  pool: string;
  instance: BackedUp;
  /** Oldest first: the order they come in. */
  snapshots: BackedUp[];
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown, what: string): Fields {
  if (isNothing(value)) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(`"${what}" is not a map`);
  return value as Fields;
}

const isNothing = (value: unknown) => value === undefined || value === null || value === "" || value === "null" || value === "~";

function textOf(value: unknown, what: string): string {
  if (isNothing(value)) return "";
  if (typeof value !== "string") throw broken(`"${what}" is not a text`);
  return value;
}

function listOf(value: unknown, what: string): unknown[] {
  if (isNothing(value)) return [];
  if (!Array.isArray(value)) throw broken(`"${what}" is not a list`);
  return value;
}

function configOf(value: unknown, what: string): Config {
  return Object.fromEntries(Object.entries(fieldsOf(value, what)).map(([key, text]) => [key, text === "" ? "" : textOf(text, `${what}.${key}`)]));
}

function timeOf(value: unknown, what: string): Date | undefined {
  const text = textOf(value, what);
  if (text === "") return undefined;
  try {
    return parseExpiry(text.replace(/^(\d{4}-\d\d-\d\d) /, "$1T"));
  } catch (cause) {
    throw broken(`"${what}" is no time`, cause);
  }
}

/** LXD leaves owners shifted where it shifts them on the disk, and says so. */
export function shiftOf(config: Config): IdMap {
  const text = config["volatile.last_state.idmap"];
  if (!text) return noMap;
  const fault = () => broken('"volatile.last_state.idmap" is no id map');
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    throw fault();
  }
  if (!Array.isArray(rows) || rows.length > 300) throw fault();
  const map: { uid: IdRange[]; gid: IdRange[] } = { uid: [], gid: [] };
  for (const row of rows as Fields[]) {
    const range = { inside: Number(row?.["Nsid"]), outside: Number(row?.["Hostid"]), count: Number(row?.["Maprange"]) };
    if (Object.values(range).some((id) => !Number.isInteger(id) || id < 0 || id > 4294967295)) throw fault();
    if (row["Isuid"] === true) map.uid.push(range);
    if (row["Isgid"] === true) map.gid.push(range);
  }
  return map;
}

function backedUpOf(value: unknown, what: string): BackedUp {
  const fields = fieldsOf(value, what);
  const text = (key: string) => textOf(fields[key], `${what}.${key}`);
  const config = configOf(fields["config"], `${what}.config`);
  return {
    name: text("name"), architecture: text("architecture"), ephemeral: text("ephemeral") === "true", description: text("description"), config,
    devices: Object.fromEntries(Object.entries(fieldsOf(fields["devices"], `${what}.devices`)).map(([name, device]) => [name, configOf(device, `${what}.devices.${name}`)])),
    profiles: listOf(fields["profiles"], `${what}.profiles`).map((name) => textOf(name, `${what}.profiles`)),
    createdAt: timeOf(fields["created_at"], `${what}.created_at`), expiresAt: timeOf(fields["expires_at"], `${what}.expires_at`),
    shift: shiftOf(config),
  };
}

/** Aliases make much of little: what comes is counted before anything is made of it. */
function assertSmall(document: unknown): void {
  let nodes = 0;
  const count = (value: unknown): void => {
    if (++nodes > mostNodes) throw broken("it is too large");
    if (typeof value === "object" && value !== null) for (const one of Object.values(value)) count(one);
  };
  count(document);
}

/** Reads it. Throws `backup_broken`. */
export function parseIndex(text: string): BackupIndex {
  let document: unknown;
  try {
    document = load(text, { schema: FAILSAFE_SCHEMA, maxAliases: 0, maxDepth: 20 });
  } catch (cause) {
    throw broken(`it is not valid YAML: ${(cause as Error).message.split("\n")[0]}`, cause);
  }
  assertSmall(document);
  const fields = fieldsOf(document, "index");
  if (textOf(fields["optimized"], "optimized") === "true") throw broken("the backup is in the format of a storage driver: export it without --optimized-storage");
  const type = textOf(fields["type"], "type");
  if (type !== "" && type !== "container") throw fail("instance_type_unsupported", { type });
  const config = fieldsOf(fields["config"], "config");
  if (isNothing(config["container"])) throw broken("it says nothing of the instance: the backup is older than LXD 4.0");
  const instance = backedUpOf(config["container"], "container");
  const described = listOf(config["snapshots"], "config.snapshots").map((one, i) => backedUpOf(one, `snapshots.${i}`));
  const names = listOf(fields["snapshots"], "snapshots").map((name) => textOf(name, "snapshots"));
  if (names.length > mostSnapshots) throw broken(`it has more than ${mostSnapshots} snapshots`);
  if (new Set(names).size !== names.length) throw broken("two of its snapshots have the same name");
  const snapshots = names.map((name) => {
    const found = described.find((one) => one.name.split("/").at(-1) === name);
    if (!found) throw broken(`it says nothing of the snapshot "${name}"`);
    return { ...found, name };
  });
  return { pool: textOf(fields["pool"], "pool"), instance: { ...instance, name: textOf(fields["name"], "name") || instance.name }, snapshots };
}
