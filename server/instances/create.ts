// Making an instance: its name is taken at once, then its volume is made from the image.
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { InstancesPost } from "../api/instances.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { removeUnusedLayers } from "../image-library/layers.ts";
import type { ImageRecord } from "../image-library/store.ts";
import { checkDevices, checkOwnDevices, findRootDisk } from "../devices/check.ts";
import { assertFitsProject } from "../projects/check.ts";
import { type Undo, withUndo } from "../undo.ts";
import { removeTree } from "../host/mounts.ts";
import { takeArchitecture } from "./architecture.ts";
import { writeBackupFile } from "./backup-file.ts";
import { checkInstanceConfig, givenMacs } from "./config.ts";
import { announceDevices, devicesOf, findReferences, rememberDevices, withdrawDevices } from "./devices.ts";
import { assertProfiles, deviceWorld, expandInstance } from "./expanded.ts";
import { chooseIdMap, currentIdMap } from "./idmap.ts";
import { checkInstanceName, makeName } from "./name.ts";
import { rememberDiskMap } from "./shift.ts";
import { findImage, imageConfig, readyImage, touchImage } from "./source-image.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

export interface Reservation {
  instance: InstanceRecord;
  image: ImageRecord | undefined;
}

/** Checks a request for a new instance and takes its name. Throws what is wrong; nothing is made then. */
export function reserveInstance(ctx: Context, project: string, post: InstancesPost): Reservation {
  assertContainer(post.type);
  const image = findImage(ctx, project, post.source);
  const profiles = post.profiles ?? profilesOf(ctx, project, image);
  const reserve = ctx.db.transaction(() => {
    const instance = reserveName(ctx, project, {
      ...post, profiles, config: { ...dropVolatile(post.config ?? {}), ...givenMacs(post.config ?? {}) },
      architecture: takeArchitecture(image?.architecture ?? post.architecture),
    }, { ...imageConfig(image), "volatile.apply_template": "create" });
    findReferences(ctx, project, expandInstance(ctx, instance).devices);
    return { instance, image };
  });
  return reserve();
}

/** Those that an image names, as far as the project has them: it may be another project's. */
function profilesOf(ctx: Context, project: string, image: ImageRecord | undefined): string[] {
  if (!image) return ["default"];
  const there = image.profiles.filter((name) => ctx.profiles.find(project, name));
  return there.length > 0 || image.profiles.length === 0 ? there : ["default"];
}

/** Throws `instance_type_unsupported`. */
export function assertContainer(type: string | undefined): void {
  if (type && type !== "container") throw fail("instance_type_unsupported", { type });
}

type Wish = InstancesPost & Required<Pick<InstancesPost, "profiles" | "config" | "architecture">> & { createdAt?: Date | undefined };

/** Checks what an instance is to be and takes its name; `notes`: what Berth adds to its configuration. */
export function reserveName(ctx: Context, project: string, wish: Wish, notes: Config): InstanceRecord {
  if (wish.name) checkInstanceName(wish.name);
  if (wish.name && ctx.instances.find(project, wish.name)) throw fail("instance_exists", { name: wish.name });
  assertProfiles(ctx, project, wish.profiles);
  const own = { config: checkInstanceConfig(wish.config, givenMacs(wish.config)), devices: checkOwnDevices(wish.devices ?? {}, deviceWorld(ctx, project)) };
  const expanded = expandInstance(ctx, { project, profiles: wish.profiles, ...own });
  const root = findRootDisk(expanded.devices);
  if (!root) throw fail("no_root_device");
  checkDevices(expanded.devices, deviceWorld(ctx, project));
  const config = { ...imageKeys(notes), ...own.config, ...newNotes(), ...volatileKeys(notes) };
  return ctx.db.transaction(() => takeName(ctx, {
    project, name: wish.name || makeName((name) => ctx.instances.find(project, name) !== undefined), phase: "creating",
    architecture: wish.architecture, ephemeral: wish.ephemeral ?? false, description: wish.description ?? "", config, devices: own.devices,
    profiles: wish.profiles, createdAt: wish.createdAt, pool: root.pool, volume: { kind: "empty", image: config["volatile.base_image"] ?? "", own: "", layers: [] },
  }))();
}

const isVolatile = ([key]: [string, string]) => key.startsWith("volatile.");
const volatileKeys = (config: Config): Config => Object.fromEntries(Object.entries(config).filter(isVolatile));
const imageKeys = (config: Config): Config => Object.fromEntries(Object.entries(config).filter((entry) => !isVolatile(entry)));

/** What makes an instance itself and no other. */
function newNotes(): Config {
  return {
    "volatile.uuid": randomUUID(),
    "volatile.cloud-init.instance-id": randomUUID(),
    "volatile.idmap.base": "0",
    "volatile.last_state.idmap": "[]",
    "volatile.last_state.power": "STOPPED",
  };
}

/** Writes the row of a new instance, with its id map and what its devices keep; the caller's transaction takes it back when its project does not allow it. */
export function takeName(ctx: Context, record: Parameters<Context["instances"]["insert"]>[0]): InstanceRecord {
  const instance = ctx.instances.insert(record);
  assertFitsProject(ctx, instance);
  chooseIdMap(ctx, instance, expandInstance(ctx, instance));
  instance.config["volatile.idmap.current"] = instance.config["volatile.idmap.next"] ?? "";
  rememberDevices(ctx, instance, expandInstance(ctx, instance));
  ctx.instances.save(instance);
  return instance;
}

export function dropVolatile(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter((entry) => !isVolatile(entry)));
}

/** Makes the volume of an instance whose name is taken. When it fails, the name is free again. `tell` hears of what takes long. */
export async function createInstance(ctx: Context, { instance, image }: Reservation, tell: (metadata: Record<string, string>) => void): Promise<void> {
  const name = systemNameOf(instance);
  const driver = ctx.pools.driver(instance.pool);
  await withUndo(async (undo) => {
    undo.push(async () => {
      ctx.instances.remove(instance);
      await removeUnusedLayers(ctx, image?.fingerprint ?? "");
    });
    const stored = image && (await readyImage(ctx, instance.pool, image, "create_instance_from_image_unpack_progress", tell));
    instance.volume = await driver.create(name, stored, currentIdMap(instance));
    undo.push(async () => {
      await driver.remove(name);
      await driver.discard([instance.volume.own, ...instance.volume.layers]);
    });
    await completeInstance(ctx, instance, undo);
    if (image) touchImage(ctx, image);
  });
}

/** Gives an instance whose volume has been made all else that it needs, and lets it be seen. */
export async function completeInstance(ctx: Context, instance: InstanceRecord, undo: Undo): Promise<void> {
  const name = systemNameOf(instance);
  rememberDiskMap(instance);
  makeFolders(ctx, name);
  undo.push(() => removeFolders(ctx, name));
  symlinkSync(ctx.pools.driver(instance.pool).folder(name), `${ctx.paths.containers}/${name}`);
  const devices = devicesOf(ctx, instance, expandInstance(ctx, instance));
  undo.push(() => withdrawDevices(devices));
  await announceDevices(devices);
  instance.phase = "ready";
  instance.unfinished = {};
  writeBackupFile(ctx, instance);
  ctx.instances.save(instance);
}

/** The folders of an instance beside its volume. */
function makeFolders(ctx: Context, name: string): void {
  mkdirSync(ctx.paths.logs(name), { recursive: true, mode: 0o700 });
  mkdirSync(ctx.paths.devices(name), { recursive: true, mode: 0o711 });
  rmSync(`${ctx.paths.containers}/${name}`, { force: true });
}

/** Removes what lies beside the volume of an instance. */
export function removeFolders(ctx: Context, name: string): void {
  for (const path of [ctx.paths.logs(name), ctx.paths.devices(name), `${ctx.paths.security}/${name}`, `${ctx.paths.containers}/${name}`]) {
    removeTree(path);
  }
}
