// Making an instance of a backup, while it is being uploaded.
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { inUserNamespace } from "../../host/user-namespace.ts";
import type { Room } from "../../host/room.ts";
import { noMap } from "../../lxc/idmap.ts";
import type { Operation } from "../../operations/operation.ts";
import type { VolumeRecord } from "../../storage/driver.ts";
import { ending, lacksDevicesOnly, programError, startWriter } from "../../storage/programs.ts";
import { withUndo } from "../../undo.ts";
import { arrivedSnapshot, checkArrivingSnapshots, defaultPool, reserveArrival } from "../arrive.ts";
import { completeInstance } from "../create.ts";
import { removeInstance } from "../delete.ts";
import { currentIdMap } from "../idmap.ts";
import { progressOf } from "../progress.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { releaseAll, type Temporary } from "../transfer.ts";
import { instanceResources, instanceUrl } from "../view.ts";
import { type BackedUp, type BackupIndex, parseIndex } from "./index-file.ts";
import { BackupReader, decompressed, feed, type Part } from "./parts.ts";

export interface ImportOptions {
  /** Another name than the backup's. */
  name: string | undefined;
  /** Where it is to lie; absent: in the pool of that name, or the default profile's. */
  pool: string | undefined;
}

/**
 * Begins an import. Throws what is wrong with the request or the backup's index; resolves with an operation once all has been uploaded.
 */
export async function importBackup(ctx: Context, project: string, body: Readable, options: ImportOptions, requestor: Requestor): Promise<Operation> {
  const abort = new AbortController();
  const reader = new BackupReader(decompressed(body, abort.signal));
  const giveUp = async () => {
    await reader.close();
    body.resume();
  };
  try {
    const index = parseIndex(await reader.readIndex());
    const instance = reserveImport(ctx, project, index, options);
    const operation = ctx.operations.start({
      description: "Restoring backup", project, resources: instanceResources(instance), cancellable: true,
      run: async (running) => {
        running.signal.addEventListener("abort", () => abort.abort(running.signal.reason), { once: true });
        try {
          await ctx.locks.run(systemNameOf(instance), () => unpackBackup(ctx, instance, index, reader, abort.signal, progressOf(running, "create_instance_from_backup_progress")));
          ctx.events.lifecycle({ action: "instance-created", source: instanceUrl(instance), requestor, context: { type: "container", "storage-pool": instance.pool } }, project);
        } finally {
          await giveUp();
        }
      },
    });
    await allSent(body);
    return operation;
  } catch (error) {
    await giveUp();
    await allSent(body);
    throw error;
  }
}

/** Who uploads listens to nothing before all is sent. */
async function allSent(body: Readable): Promise<void> {
  if (!body.closed && !body.readableEnded) await once(body, "close").catch(() => {});
}

function reserveImport(ctx: Context, project: string, { pool, instance: backedUp, snapshots }: BackupIndex, options: ImportOptions): InstanceRecord {
  const name = options.name || backedUp.name;
  checkArrivingSnapshots(snapshots);
  const trigger = name === backedUp.name ? backedUp.config["volatile.apply_template"] : "rename";
  const target = options.pool || (ctx.pools.has(pool) ? pool : defaultPool(ctx, project));
  return reserveArrival(ctx, project, { ...backedUp, name }, target, trigger && ["create", "copy", "rename"].includes(trigger) ? { "volatile.apply_template": trigger } : {});
}

async function unpackBackup(ctx: Context, instance: InstanceRecord, index: BackupIndex, reader: BackupReader, signal: AbortSignal, tell: (bytes: number) => void): Promise<void> {
  const temporary: Temporary[] = [];
  const driver = ctx.pools.driver(instance.pool);
  const map = currentIdMap(instance);
  const unpack = async (name: string, { shift }: BackedUp): Promise<VolumeRecord> => {
    const part = await reader.nextPart();
    if (part?.name !== name) throw fail("backup_broken", { reason: `backup/${name} is expected where ${part ? `backup/${part.name}` : "the end"} is` });
    await using workshop = driver.build({ from: shift, map });
    const volume = await workshop.fill((room) => unpackPart(room, part, signal, tell));
    temporary.push({ pool: instance.pool, volume });
    return volume;
  };
  try {
    await withUndo(async (undo) => {
      undo.push(() => removeInstance(ctx, instance));
      for (const one of index.snapshots) {
        const volume = await unpack(`snapshots/${one.name}`, one);
        ctx.snapshots.insert(arrivedSnapshot(ctx, instance, one, volume));
      }
      const record = await unpack("container", index.instance);
      if (await reader.nextPart()) throw fail("backup_broken", { reason: "there is more of it after backup/container" });
      const content = { record, map: record.kind === "overlay" ? noMap : map };
      instance.volume = await driver.createFrom(systemNameOf(instance), content, map, true);
      ctx.instances.save(instance);
      await completeInstance(ctx, instance, undo);
    });
  } finally {
    await releaseAll(ctx, temporary);
  }
}

const unpackCommand = ["tar", "-xpf", "-", "-C", "/files", "--numeric-owner", "--same-owner", "--delay-directory-restore", "--acls", "--xattrs", "--xattrs-include=user.*",
  "--xattrs-include=security.capability", "--warning=no-timestamp", "--warning=no-unknown-keyword"];

async function unpackPart(room: Room, part: Part, signal: AbortSignal, tell: (bytes: number) => void): Promise<void> {
  const depth = part.name.split("/").length + 1;
  const child = startWriter(room, [...unpackCommand, `--strip-components=${depth}`], ["pipe", "ignore", "pipe"]);
  const end = ending("tar", child, signal);
  end.catch(() => {});
  try {
    await feed(counted(part.bytes(), tell), child.stdin as NodeJS.WritableStream);
  } catch (error) {
    child.kill("SIGKILL");
    await end.catch(() => {});
    throw error;
  }
  const ended = await end;
  if (ended.code === 0 || (ended.code === 2 && inUserNamespace() && lacksDevicesOnly(ended.words))) return;
  const error = programError("tar", ended, room.root);
  throw ended.code === 2 && !/No space left/.test(error.message) ? fail("backup_broken", { reason: `it cannot be unpacked: ${error.message}` }, error) : error;
}

async function* counted(bytes: AsyncIterable<Buffer>, tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    tell(chunk.length);
    yield chunk;
  }
  yield Buffer.alloc(1024); // the end of a tarball
}
