// Taking in an instance that comes from elsewhere, out of a backup or from another server: its name, its configuration, its snapshots.
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { checkDevices, findRootDisk } from "../devices/check.ts";
import { normalizeArchitecture } from "../../images/metadata.ts";
import { takeArchitecture } from "./architecture.ts";
import { checkInstanceConfig } from "./config.ts";
import { dropVolatile, reserveName } from "./create.ts";
import { assertProfiles, expandInstance } from "./expanded.ts";
import { rememberDiskMap } from "./shift.ts";
import { checkSnapshotName } from "./snapshots/name.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import type { VolumeRecord } from "../storage/driver.ts";
import type { InstanceRecord } from "./store.ts";
import { rootIn } from "./transfer.ts";

/** What comes of an instance or a snapshot, besides its files. */
export interface Arriving extends Pick<InstanceRecord, "name" | "architecture" | "ephemeral" | "description" | "config" | "devices" | "profiles"> {
  createdAt: Date | undefined;
}

/** Takes its name here. `pool`: where it is to lie; where its devices say when absent. `notes` are added to its own. */
export function reserveArrival(ctx: Context, project: string, arriving: Arriving, pool: string | undefined, notes: Config): InstanceRecord {
  const architecture = takeArchitecture(arriving.architecture);
  assertProfiles(ctx, project, arriving.profiles);
  if (pool !== undefined) ctx.pools.driver(pool);
  const devices = pool === undefined ? arriving.devices : rootIn(ctx, project, arriving, pool);
  const expanded = expandInstance(ctx, { ...arriving, project, devices });
  return reserveName(ctx, project, {
    name: arriving.name, architecture, ephemeral: arriving.ephemeral,
    description: arriving.description, config: dropVolatile(arriving.config), devices, profiles: arriving.profiles, createdAt: arriving.createdAt,
  }, { ...keptNotes(ctx, arriving.config, Object.keys(expanded.devices)), ...notes });
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** What it was made from; and what makes it itself, unless that is here still or again. */
function keptNotes(ctx: Context, config: Config, devices: readonly string[]): Config {
  const kept: Config = {};
  const take = (key: string, form: RegExp) => {
    const value = config[key];
    if (value !== undefined && form.test(value)) kept[key] = value;
  };
  take("volatile.base_image", /^[0-9a-f]{64}$/);
  const id = config["volatile.uuid"];
  if (id === undefined || ctx.instances.list().some((one) => one.config["volatile.uuid"] === id)) return kept;
  take("volatile.uuid", uuid);
  take("volatile.cloud-init.instance-id", uuid);
  for (const name of devices) take(`volatile.${name}.hwaddr`, mac);
  return kept;
}

/** The pool that is meant when nobody names one: the default profile's. Throws `no_root_device`. */
export function defaultPool(ctx: Context, project: string): string {
  const pool = findRootDisk(ctx.profiles.find(project, "default")?.devices ?? {})?.pool;
  if (pool === undefined) throw fail("no_root_device");
  return pool;
}

/** References are judged when somebody goes back to the snapshot: the network of then need not be here. */
const anyWorld = { hasNetwork: () => true, hasPool: () => true, networkConfig: () => undefined };

export type ArrivingSnapshot = Arriving & Pick<SnapshotRecord, "expiresAt">;

/** Checks snapshots before their files come. Throws what is wrong with one. */
export function checkArrivingSnapshots(snapshots: readonly ArrivingSnapshot[]): void {
  for (const { name, config, devices } of snapshots) {
    checkSnapshotName(name);
    checkInstanceConfig(dropVolatile(config));
    checkDevices(devices, anyWorld);
  }
  if (new Set(snapshots.map(({ name }) => name)).size !== snapshots.length) throw fail("bad_request", { reason: "Two of the snapshots have the same name" });
}

/** A snapshot of an instance that came with it, to be written down. */
export function arrivedSnapshot(ctx: Context, instance: InstanceRecord, arriving: ArrivingSnapshot, volume: VolumeRecord): Omit<SnapshotRecord, "id"> {
  const config = checkInstanceConfig(dropVolatile(arriving.config));
  for (const key of ["volatile.base_image", "volatile.idmap.current"]) if (instance.config[key]) config[key] = instance.config[key];
  config["volatile.apply_template"] = "copy"; // files such as /etc/hostname may be those of another name
  const made = {
    instanceId: instance.id, name: arriving.name, architecture: normalizeArchitecture(arriving.architecture || instance.architecture), ephemeral: arriving.ephemeral,
    description: arriving.description, config, devices: checkDevices(rootIn(ctx, instance.project, arriving, instance.pool), anyWorld), profiles: arriving.profiles,
    volume, createdAt: arriving.createdAt ?? new Date(), expiresAt: arriving.expiresAt,
  };
  rememberDiskMap(made);
  return made;
}
