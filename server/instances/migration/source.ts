// Giving an instance, or one of its snapshots, to another server. It stays as it is: a move ends with the client deleting it.
import { isTrue } from "../../api/config-keys/key.ts";
import { fail } from "../../api/errors.ts";
import type { InstancePost } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { noMap } from "../../lxc/idmap.ts";
import type { Operation } from "../../operations/operation.ts";
import { describeUnshifted, renderDescription } from "../backup-file.ts";
import { ExecSockets } from "../exec/sockets.ts";
import { type Held, withHeld } from "../held.ts";
import { progressOf } from "../progress.ts";
import type { SnapshotRecord } from "../snapshots/store.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { instanceResources } from "../view.ts";
import type { Channels } from "./channel.ts";
import { awaitChannels, channelNames, openChannels } from "./connect.ts";
import { decodeHeader, decodeVerdict, encodeHeader, encodeVerdict, type Header, type HeaderSnapshot, RSYNC } from "./header.ts";
import { goodIndex } from "./index-frame.ts";
import { berthLevel, sendFiles } from "./rsync.ts";

export interface Departure {
  instance: InstanceRecord;
  /** This one instead. */
  snapshot: SnapshotRecord | undefined;
  post: InstancePost;
}

/** Begins it: waits for the other server, or turns to it when the request names it. Throws what is wrong with the request. */
export async function sendInstance(ctx: Context, departure: Departure): Promise<Operation> {
  const { instance, snapshot, post } = departure;
  if (post.live && !snapshot && ctx.runtime.get(systemNameOf(instance))) throw fail("live_migration_unsupported", { side: "source" });
  const about = {
    description: snapshot ? "Transferring snapshot" : "Migrating instance", project: instance.project, cancellable: true,
    resources: instanceResources(snapshot ? { ...instance, name: `${instance.name}/${snapshot.name}` } : instance),
  };
  if (post.target) {
    const channels = await openChannels({ operation: post.target.operation, secrets: post.target.secrets ?? {}, certificate: post.target.certificate });
    return ctx.operations.start({ ...about, run: (operation) => give(ctx, departure, channels, operation) });
  }
  const sockets = new ExecSockets(channelNames, channelNames, false);
  return ctx.operations.start({
    ...about, class: "websocket", metadata: sockets.secrets, connect: (request, socket, head, secret) => sockets.connect(request, socket, head, secret),
    run: async (operation) => {
      try {
        await give(ctx, departure, await awaitChannels(sockets), operation);
      } finally {
        sockets.closeAll();
      }
    },
  });
}

async function give(ctx: Context, { instance: { project, name }, snapshot, post }: Departure, channels: Channels, operation: Operation): Promise<void> {
  const { control, fs } = channels;
  const abort = new AbortController();
  operation.signal.addEventListener("abort", () => abort.abort(operation.signal.reason), { once: true });
  const aborted = new Promise<never>((_, reject) => abort.signal.addEventListener("abort", () => reject(abort.signal.reason), { once: true }));
  aborted.catch(() => {});
  try {
    const only = post.instance_only ?? post.container_only ?? false;
    await Promise.race([aborted, withHeld(ctx, project, name, { instanceOnly: only, snapshot: snapshot?.name }, (held) => giveHeld(ctx, held, channels, post.allow_inconsistent ?? false, abort, operation))]);
    control.close();
    fs.close();
  } catch (error) {
    await control.send(encodeVerdict({ success: false, message: (error as Error).message })).catch(() => {});
    control.close();
    fs.terminate();
    throw error;
  }
}

async function giveHeld(ctx: Context, held: Held, { control, fs, watch }: Channels, allowVanished: boolean, abort: AbortController, operation: Operation): Promise<void> {
  const { instance } = held;
  const { config } = ctx.pools.get(instance.pool);
  const offer: Header = {
    fs: RSYNC, idmap: noMap, snapshotNames: held.snapshots.map((one) => one.name), snapshots: held.snapshots.map(headerOf),
    rsync: { xattrs: true, delete: true, compress: isTrue(config["rsync.compression"]), bidirectional: true }, indexVersion: 1, berth: await berthLevel(),
  };
  await control.send(encodeHeader(offer));
  const answer = decodeHeader(await control.receive());
  if (answer.berth === 0) watch.leaveToKernel();
  if (answer.fs !== RSYNC) throw fail("migration_failed", { reason: "the other server wants the files in a way that Berth does not know" });
  const wanted = answer.refresh ? held.snapshots.filter((one) => answer.snapshotNames.includes(one.name)) : held.snapshots;
  const description = describeUnshifted(ctx, instance, wanted);
  if (answer.indexVersion > 0) {
    const { container, snapshots, pool, profiles, volume, volume_snapshots } = description;
    await fs.send(Buffer.from(JSON.stringify({ config: { Container: container, Snapshots: snapshots, Pool: pool, Profiles: profiles, Volume: volume, VolumeSnapshots: volume_snapshots } })));
    fs.endStream();
    goodIndex(await fs.readText(1024 * 1024));
  }
  // It may come at any time when it is a failure: then there is no need to go on.
  const verdict = control.receive().then(decodeVerdict);
  verdict.then(({ success, message }) => {
    if (!success) abort.abort(fail("migration_failed", { reason: message }));
  }, (error) => abort.abort(error));
  const features = answer.rsync.bidirectional ? answer.rsync : { xattrs: true, delete: true, compress: true, bidirectional: false };
  const options = { features, berth: answer.berth, signal: abort.signal };
  for (const snapshot of [...wanted, undefined]) {
    await held.lend(snapshot, "files", async (lent) => {
      lent.room.write("files/backup.yaml", renderDescription(description), lent.owner);
      const what = snapshot ? `${instance.name}/${snapshot.name}: ` : `${instance.name}: `;
      await sendFiles(lent, fs, { ...options, tell: progressOf(operation, "fs_progress", what) }, { allowVanished, limit: config["rsync.bwlimit"] ?? "0" });
    });
  }
  const { success, message } = await verdict;
  if (!success) throw fail("migration_failed", { reason: message });
}

function headerOf({ name, config, devices, profiles, ephemeral, architecture, createdAt, expiresAt }: SnapshotRecord): HeaderSnapshot {
  return { name, config: { ...config, "volatile.last_state.idmap": "[]" }, devices, profiles, ephemeral, architecture, createdAt, expiresAt };
}
