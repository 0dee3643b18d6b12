// Making an instance: its name is taken at once, then its volume is made from the image.
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { InstancesPost } from "../api/instances.ts";
import { hostArchitecture, normalizeArchitecture } from "../../images/metadata.ts";
import type { Context } from "../context.ts";
import { removeUnusedLayers } from "../image-library/layers.ts";
import type { ImageRecord } from "../image-library/store.ts";
import { checkDevices, findRootDisk } from "../devices/check.ts";
import { withUndo } from "../undo.ts";
import { writeBackupFile } from "./backup-file.ts";
import { checkInstanceConfig } from "./config.ts";
import { announceDevices, devicesOf, rememberDevices, withdrawDevices } from "./devices.ts";
import { assertProfiles, deviceWorld, expandInstance } from "./expanded.ts";
import { chooseIdMap, currentIdMap } from "./idmap.ts";
import { checkInstanceName, makeName } from "./name.ts";
import { rememberDiskMap } from "./shift.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

export interface Reservation {
  instance: InstanceRecord;
  image: ImageRecord | undefined;
}

/** Checks a request for a new instance and takes its name. Throws what is wrong; nothing is made then. */
export function reserveInstance(ctx: Context, project: string, post: InstancesPost): Reservation {
  if (post.type && post.type !== "container") throw fail("instance_type_unsupported", { type: post.type });
  if (post.name) checkInstanceName(post.name);
  if (post.name && ctx.instances.find(project, post.name)) throw fail("instance_exists", { name: post.name });
  const image = findImage(ctx, project, post.source);
  const profiles = post.profiles ?? (image && image.profiles.length > 0 && !image.profiles.includes("default") ? image.profiles : ["default"]);
  assertProfiles(ctx, project, profiles);
  const own = { config: checkInstanceConfig(dropVolatile(post.config ?? {})), devices: checkDevices(post.devices ?? {}, deviceWorld(ctx)) };
  const expanded = expandInstance(ctx, { project, profiles, ...own });
  const root = findRootDisk(expanded.devices);
  if (!root) throw fail("no_root_device");
  checkDevices(expanded.devices, deviceWorld(ctx));
  const config = {
    ...Object.fromEntries(Object.entries(image?.properties ?? {}).map(([key, value]) => [`image.${key}`, value])),
    ...own.config,
    "volatile.uuid": randomUUID(),
    "volatile.cloud-init.instance-id": randomUUID(),
    "volatile.apply_template": "create",
    "volatile.idmap.base": "0",
    "volatile.last_state.idmap": "[]",
    "volatile.last_state.power": "STOPPED",
    ...(image ? { "volatile.base_image": image.fingerprint } : {}),
  };
  const instance = ctx.db.transaction(() => takeName(ctx, {
    project, name: post.name || makeName((name) => ctx.instances.find(project, name) !== undefined), phase: "creating",
    architecture: normalizeArchitecture(image?.architecture ?? post.architecture ?? hostArchitecture()), ephemeral: post.ephemeral ?? false,
    description: post.description ?? "", config, devices: own.devices, profiles, pool: root.pool,
    volume: { kind: "empty", image: image?.fingerprint ?? "", own: "", layers: [] },
  }))();
  return { instance, image };
}

/** Writes the row of a new instance, with its id map and what its devices keep. */
export function takeName(ctx: Context, record: Parameters<Context["instances"]["insert"]>[0]): InstanceRecord {
  const instance = ctx.instances.insert(record);
  chooseIdMap(ctx, instance, expandInstance(ctx, instance));
  instance.config["volatile.idmap.current"] = instance.config["volatile.idmap.next"] ?? "";
  rememberDevices(ctx, instance, expandInstance(ctx, instance));
  ctx.instances.save(instance);
  return instance;
}

function dropVolatile(config: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
}

/** The image a source names; undefined for an empty instance. */
function findImage(ctx: Context, project: string, source: InstancesPost["source"]): ImageRecord | undefined {
  if (source?.type === "none") return undefined;
  if (source?.type !== "image") throw fail("source_unsupported", { type: source?.type ?? "" });
  if (source.server) throw fail("image_source_unsupported", { type: "remote server" });
  const image = ctx.images.store.get(project, fingerprintOf(ctx, project, source));
  const host = hostArchitecture();
  const fits = image.architecture === host || (host === "x86_64" && image.architecture === "i686") || (host === "aarch64" && image.architecture === "armv7l");
  if (!fits) throw fail("image_architecture", { architecture: image.architecture, host });
  return image;
}

function fingerprintOf(ctx: Context, project: string, source: NonNullable<InstancesPost["source"]>): string {
  if (source.fingerprint) return source.fingerprint;
  if (source.alias) return ctx.images.store.getAlias(project, source.alias).target;
  const wanted = Object.entries(source.properties ?? {});
  const match = wanted.length > 0 && ctx.images.store.list(project).find((image) => wanted.every(([key, value]) => image.properties[key] === value));
  if (!match) throw fail("bad_body", { reason: "source needs fingerprint, alias or properties of an image" });
  return match.fingerprint;
}

/** Makes the volume of an instance whose name is taken. When it fails, the name is free again. `tell` hears of what takes long. */
export async function createInstance(ctx: Context, { instance, image }: Reservation, tell: (metadata: Record<string, string>) => void): Promise<void> {
  const name = systemNameOf(instance);
  const driver = ctx.pools.driver(instance.pool);
  await withUndo(async (undo) => {
    undo.push(async () => {
      ctx.instances.remove(instance);
      await removeUnusedLayers(ctx, instance.volume.image);
    });
    const stored = image && ctx.images.files(image);
    if (stored?.rootfsFormat === "tar" && !driver.hasImage(stored.fingerprint)) tell({ create_instance_from_image_unpack_progress: "Unpack: the image is used for the first time" });
    if (stored) await driver.ensureImage(stored);
    instance.volume = await driver.create(name, stored, currentIdMap(instance));
    rememberDiskMap(instance);
    undo.push(async () => {
      await driver.remove(name);
      await driver.discard([instance.volume.own, ...instance.volume.layers]);
    });
    makeFolders(ctx, name);
    undo.push(() => removeFolders(ctx, name));
    symlinkSync(driver.folder(name), `${ctx.paths.containers}/${name}`);
    const devices = devicesOf(ctx, instance, expandInstance(ctx, instance));
    undo.push(() => withdrawDevices(devices));
    await announceDevices(devices);
    instance.phase = "ready";
    writeBackupFile(ctx, instance);
    ctx.db.transaction(() => {
      ctx.instances.save(instance);
      if (image && ctx.images.store.has(image.project, image.fingerprint)) ctx.images.store.save({ ...ctx.images.store.get(image.project, image.fingerprint), lastUsedAt: Date.now() });
    })();
  });
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
    rmSync(path, { recursive: true, force: true });
  }
}
