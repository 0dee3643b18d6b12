// Taking an instance from another server: as a new one, or over one that is to be brought up to date. All of it comes, or nothing.
import { isTrue } from "../../api/config-keys/key.ts";
import { fail } from "../../api/errors.ts";
import type { InstancesPost } from "../../api/instances.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { noMap } from "../../lxc/idmap.ts";
import type { Operation } from "../../operations/operation.ts";
import type { Content, VolumeRecord, Workshop } from "../../storage/driver.ts";
import { withUndo } from "../../undo.ts";
import { arrivedSnapshot, type Arriving, type ArrivingSnapshot, checkArrivingSnapshots, defaultPool, reserveArrival } from "../arrive.ts";
import { findRootDisk } from "../../devices/check.ts";
import { assertContainer, completeInstance } from "../create.ts";
import { removeInstance } from "../delete.ts";
import { ExecSockets } from "../exec/sockets.ts";
import { expandInstance } from "../expanded.ts";
import { finishInstance } from "../finish.ts";
import { currentIdMap } from "../idmap.ts";
import { progressOf } from "../progress.ts";
import { replaceContent } from "../replace-content.ts";
import { readyImage } from "../source-image.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { releaseAll, type Temporary, takeNow } from "../transfer.ts";
import { instanceResources, instanceUrl } from "../view.ts";
import type { Channels } from "./channel.ts";
import { awaitChannels, channelNames, openChannels } from "./connect.ts";
import { decodeHeader, encodeHeader, encodeVerdict, type Header, NO_CRIU, RSYNC } from "./header.ts";
import { goodAnswer, snapshotTimes } from "./index-frame.ts";
import { berthLevel, receiveFiles, type RsyncOptions } from "./rsync.ts";

const indexLimit = 64 * 1024 * 1024;

interface Arrival {
  target: InstanceRecord;
  refresh: boolean;
}

/** Begins it: turns to the source (`pull`), or waits for it (`push`). Throws what is wrong with the request. */
export async function receiveInstance(ctx: Context, project: string, post: InstancesPost, requestor: Requestor): Promise<Operation> {
  const source = post.source as NonNullable<InstancesPost["source"]>;
  assertContainer(post.type);
  if (source.live || source.secrets?.["criu"]) throw fail("live_migration_unsupported", { side: "destination" });
  const push = source.mode === "push";
  if (!push && source.mode !== "pull") throw fail("not_supported", { what: `Mode "${String(source.mode).slice(0, 40)}"`, hint: "" });
  const peer = { operation: source.operation ?? "", secrets: source.secrets ?? {}, certificate: source.certificate };
  const arrival = reserve(ctx, project, post);
  const sockets = push ? new ExecSockets(channelNames, channelNames, false) : undefined;
  const { target, refresh } = arrival;
  return ctx.operations.start({
    description: "Creating instance", project, resources: instanceResources(target), cancellable: true,
    ...(sockets ? { class: "websocket", metadata: sockets.secrets, connect: (...given: Parameters<ExecSockets["connect"]>) => sockets.connect(...given) } : {}),
    run: (operation) => ctx.locks.run(systemNameOf(target), async () => {
      try {
        await take(ctx, arrival, () => (sockets ? awaitChannels(sockets) : openChannels(peer)), operation);
      } finally {
        sockets?.closeAll();
      }
      const event = { source: instanceUrl(target), requestor };
      ctx.events.lifecycle(refresh ? { action: "instance-updated", ...event } : { action: "instance-created", ...event, context: { type: "container", "storage-pool": target.pool } }, project);
    }),
  });
}

function reserve(ctx: Context, project: string, post: InstancesPost): Arrival {
  const existing = post.name ? ctx.instances.find(project, post.name) : undefined;
  if (post.source?.refresh && existing?.phase === "ready") return { target: assertStopped(ctx, existing), refresh: true };
  const config = post.config ?? {};
  const base = post.source?.["base-image"];
  const arriving: Arriving = {
    name: post.name ?? "", architecture: post.architecture ?? "", ephemeral: post.ephemeral ?? false, description: post.description ?? "",
    config: base && !config["volatile.base_image"] ? { ...config, "volatile.base_image": base } : config,
    devices: post.devices ?? {}, profiles: post.profiles ?? ["default"], createdAt: undefined,
  };
  const root = findRootDisk(expandInstance(ctx, { ...arriving, project }).devices);
  return { target: reserveArrival(ctx, project, arriving, root ? undefined : defaultPool(ctx, project), { "volatile.apply_template": "copy" }), refresh: false };
}

function assertStopped(ctx: Context, target: InstanceRecord): InstanceRecord {
  if (ctx.runtime.get(systemNameOf(target))) throw fail("instance_running");
  return target;
}

async function take(ctx: Context, { target, refresh }: Arrival, connect: () => Promise<Channels>, operation: Operation): Promise<void> {
  const temporary: Temporary[] = [];
  let channels: Channels | undefined;
  const abort = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    operation.signal.addEventListener("abort", () => {
      abort.abort(operation.signal.reason);
      channels?.fs.terminate();
      reject(operation.signal.reason);
    }, { once: true });
  });
  aborted.catch(() => {});
  try {
    const into = refresh ? takeOver : takeNew;
    await into(ctx, target, temporary, async () => {
      const connecting = connect();
      connecting.then((late) => operation.signal.aborted && hangUp(late), () => {}); // the other side waits for us otherwise
      channels = await Promise.race([aborted, connecting]);
      return channels;
    }, abort.signal, operation);
    await channels?.control.send(encodeVerdict({ success: true, message: "" }));
  } catch (thrown) {
    const error = operation.signal.aborted ? operation.signal.reason : thrown;
    await channels?.control.send(encodeVerdict({ success: false, message: (error as Error).message })).catch(() => {});
    throw error;
  } finally {
    channels?.control.close();
    channels?.fs.close();
    await releaseAll(ctx, temporary);
  }
}

function hangUp({ control, fs }: Channels): void {
  control.close();
  fs.terminate();
}

type Connect = () => Promise<Channels>;

async function takeNew(ctx: Context, instance: InstanceRecord, temporary: Temporary[], connect: Connect, signal: AbortSignal, operation: Operation): Promise<void> {
  await withUndo(async (undo) => {
    undo.push(() => removeInstance(ctx, instance));
    const channels = await connect();
    const base = await baseOf(ctx, instance);
    const { snapshots, record } = await takeFiles(ctx, instance, [], base, false, temporary, channels, signal, operation);
    for (const one of snapshots) ctx.snapshots.insert(one);
    const map = currentIdMap(instance);
    instance.volume = await ctx.pools.driver(instance.pool).createFrom(systemNameOf(instance), contentOf(instance, record), map, true);
    ctx.instances.save(instance);
    await completeInstance(ctx, instance, undo);
  });
}

/** The image that the instance was made from, when it is here: most of the files need not come then. */
async function baseOf(ctx: Context, { project, config, pool }: InstanceRecord): Promise<Content | undefined> {
  const fingerprint = config["volatile.base_image"];
  if (!fingerprint || !ctx.images.store.has(project, fingerprint)) return undefined;
  await readyImage(ctx, pool, ctx.images.store.get(project, fingerprint), "create_instance_from_image_unpack_progress", () => {});
  return { record: { kind: "overlay", image: fingerprint, own: "", layers: [] }, map: noMap };
}

async function takeOver(ctx: Context, { project, name }: InstanceRecord, temporary: Temporary[], connect: Connect, signal: AbortSignal, operation: Operation): Promise<void> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  await finishInstance(ctx, ctx.instances.get(project, name));
  const before = assertStopped(ctx, ctx.instances.get(project, name));
  const channels = await connect();
  const base = await takeNow(ctx, before, temporary);
  const target = ctx.instances.get(project, name);
  const had = ctx.snapshots.list(target);
  const { snapshots, record, outdated } = await takeFiles(ctx, target, had, base, true, temporary, channels, signal, operation);
  await replaceContent(ctx, target, { content: contentOf(target, record), brought: snapshots, outdated: had.filter((one) => outdated.has(one.name)) });
}

function contentOf(instance: InstanceRecord, record: VolumeRecord): Content {
  return { record, map: record.kind === "overlay" ? noMap : currentIdMap(instance) };
}

type NewSnapshot = ReturnType<typeof arrivedSnapshot>;

interface Taken {
  snapshots: NewSnapshot[];
  record: VolumeRecord;
  /** Names of snapshots that the source does not have, or has others of. */
  outdated: ReadonlySet<string>;
}

async function takeFiles(
  ctx: Context, instance: InstanceRecord, had: readonly { name: string; createdAt: Date; config: InstanceRecord["config"] }[], base: Content | undefined, refresh: boolean,
  temporary: Temporary[], { control, fs, watch }: Channels, signal: AbortSignal, operation: Operation,
): Promise<Taken> {
  const offer = decodeHeader(await control.receive());
  if (offer.berth === 0) watch.leaveToKernel();
  const all = arrivingOf(instance, offer);
  const same = (a: { name: string; createdAt: Date | undefined }, b: { name: string; createdAt: Date | undefined }) =>
    a.name === b.name && Math.floor((a.createdAt?.getTime() ?? 0) / 1000) === Math.floor((b.createdAt?.getTime() ?? 0) / 1000);
  const wanted = all.filter((one) => !had.some((other) => same(one, other)));
  checkArrivingSnapshots(wanted);
  const criu = offer.criu === NO_CRIU ? NO_CRIU : undefined;
  const compression = ctx.pools.get(instance.pool).config["rsync.compression"];
  // LXD offers it to everybody; whoever sets it for a Berth means it.
  const compress = offer.rsync.compress && (compression === undefined ? offer.berth > 0 : isTrue(compression));
  const rsync = { ...offer.rsync, compress, bidirectional: true };
  const berth = Math.min(offer.berth, await berthLevel());
  await control.send(encodeHeader({
    fs: RSYNC, criu, idmap: noMap, snapshotNames: wanted.map(({ name }) => name), snapshots: offer.snapshots.filter(({ name }) => wanted.some((one) => one.name === name)),
    rsync: offer.rsync.bidirectional ? rsync : { ...offer.rsync, bidirectional: true }, refresh, indexVersion: Math.min(1, offer.indexVersion), berth,
  }));
  const features = offer.rsync.bidirectional ? rsync : offer.rsync;
  let times: ReadonlyMap<string, Date> = new Map();
  if (offer.indexVersion > 0) {
    times = snapshotTimes(await fs.readText(indexLimit));
    await fs.send(goodAnswer(refresh));
    fs.endStream();
  }
  await using workshop = ctx.pools.driver(instance.pool).build({ base, from: offer.idmap, map: currentIdMap(instance) });
  const fill = async (what: string, times_: number): Promise<VolumeRecord> => {
    const options: RsyncOptions = { features, berth, signal, tell: progressOf(operation, "fs_progress", `${what}: `) };
    return fillOnce(instance, workshop, temporary, async (room) => {
      for (let i = 0; i < times_; i++) await receiveFiles(room, fs, options);
    });
  };
  const snapshots: NewSnapshot[] = [];
  for (const one of wanted) {
    const volume = await fill(`${instance.name}/${one.name}`, 1);
    const exact = times.get(one.name);
    snapshots.push(arrivedSnapshot(ctx, instance, { ...one, createdAt: exact && same({ ...one, createdAt: exact }, one) ? exact : one.createdAt }, volume));
  }
  // A source that runs sends what has changed meanwhile once more.
  const record = await fill(instance.name, criu === NO_CRIU ? 2 : 1);
  return { snapshots, record, outdated: new Set(had.filter((one) => !all.some((other) => same(one, other))).map(({ name }) => name)) };
}

async function fillOnce({ pool }: InstanceRecord, workshop: Workshop, temporary: Temporary[], write: Parameters<Workshop["fill"]>[0]): Promise<VolumeRecord> {
  const volume = await workshop.fill(write);
  temporary.push({ pool, volume });
  return volume;
}

/** The snapshots of an offer. A server before LXD 2.0.10 tells their names only. */
function arrivingOf(instance: InstanceRecord, { snapshots, snapshotNames }: Header): ArrivingSnapshot[] {
  const { architecture, ephemeral, description, config, devices, profiles } = instance;
  if (snapshots.length !== snapshotNames.length) {
    return snapshotNames.map((name) => ({ name, architecture, ephemeral, description, config, devices, profiles, createdAt: undefined, expiresAt: undefined }));
  }
  return snapshots.map((one) => ({ ...one, architecture: one.architecture || architecture, description: "" }));
}
