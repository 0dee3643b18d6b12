// Taking a snapshot of a volume: the layer that it writes to becomes one that nothing writes to any more, or is copied while a guest
// writes on. Whoever calls holds the volume's lock.
import { mkdirSync } from "node:fs";
import type { IdMap } from "../../host/user-namespace.ts";
import { type Undo, withUndo } from "../../undo.ts";
import type { CommitSnapshot, LiveGuest, Volume, VolumeRecord } from "../driver.ts";
import { copyCompanions } from "./companions.ts";
import { copyFiles } from "./copy.ts";
import { type Layers, makeId, mostLayers } from "./layers.ts";
import type { Roots } from "./roots.ts";

/** What the verbs of a pool work with. */
export interface PoolParts {
  readonly layers: Layers;
  readonly roots: Roots;
  /** What a snapshot keeps beside layers, or what is to replace a volume's. */
  kept(id: string): string;
  /** Throws folders away that no record names. */
  discard(ids: readonly string[]): Promise<void>;
}

export function snapshotVolume(pool: PoolParts, volume: Volume, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot): Promise<void> {
  return withUndo(async (undo) => {
    const own = makeId();
    mkdirSync(pool.kept(own), { mode: 0o700 });
    undo.push(() => pool.discard([own]));
    copyCompanions(pool.roots.folder(volume.name), pool.kept(own));
    if (volume.kind === "overlay") return fixLayer(pool, volume, own, map, guest, commit, undo);
    const copy = () => copyFiles(`${pool.roots.folder(volume.name)}/rootfs`, `${pool.kept(own)}/rootfs`);
    await (guest ? guest.paused(copy) : copy());
    commit({ ...recordOf(volume), own }, recordOf(volume));
  });
}

/** Makes layers that nothing writes to any more of what the volume holds now. */
async function fixLayer(
  pool: PoolParts, volume: Volume, own: string, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot, undo: Undo,
): Promise<void> {
  const { layers, roots } = pool;
  roots.adopt(volume);
  const record = recordOf(volume);
  const taken = { ...record, own };
  if (guest) {
    const copy = () => layers.copy(volume.own);
    const layer = await (layers.canCopyLive(volume.own) ? copy() : guest.paused(copy));
    undo.push(() => pool.discard([layer]));
    return commit({ ...taken, ...(await flatten(pool, volume.image, [layer, ...volume.layers], undo)) }, record);
  }
  if (layers.isUntouched(volume.own, roots.below(volume))) return commit(taken, record);
  void roots.unmount(volume.name);
  undo.push(() => roots.ensureMounted(volume, map));
  const below = await flatten(pool, volume.image, [volume.own, ...volume.layers], undo);
  const next = { ...record, ...below, own: layers.make(roots.below({ ...record, ...below })) };
  undo.push(() => pool.discard([next.own]));
  commit({ ...taken, ...below }, next);
  undo.keep();
  roots.succeed(volume.own, next);
  await roots.mountSoon({ ...volume, ...next }, map);
}

/** Layers as they are, or one that holds all of them and the image when they are too many. */
export async function flatten(pool: PoolParts, image: string, layers: readonly string[], undo: Undo): Promise<Pick<VolumeRecord, "image" | "layers">> {
  if (layers.length <= mostLayers) return { image, layers };
  const id = makeId();
  undo.push(() => pool.discard([id]));
  await pool.roots.withMerged({ image, layers }, (root) => pool.layers.fill(id, (upper) => copyFiles(root, upper)));
  return { image: "", layers: [id] };
}

/** What of a volume stands in the database. */
function recordOf({ kind, image, own, layers }: VolumeRecord): VolumeRecord {
  return { kind, image, own, layers };
}
