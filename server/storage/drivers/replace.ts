// Putting other content in the place of a volume's: made ready beside it, written down, then exchanged. Whoever calls holds the volume's lock.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import type { IdMap } from "../../host/user-namespace.ts";
import { withUndo } from "../../undo.ts";
import type { CommitReplacement, Volume, VolumeRecord } from "../driver.ts";
import { copyCompanions, removeCompanions } from "./companions.ts";
import { makeId } from "./layers.ts";
import type { PoolParts } from "./snapshot.ts";
import type { Trash } from "./trash.ts";

/** `work` makes the new content ready in a folder, and gives its record. */
export function makeReplacement(
  pool: PoolParts, trash: Trash, volume: Volume, map: IdMap, commit: CommitReplacement, work: (kept: string) => Promise<VolumeRecord>,
): Promise<void> {
  return withUndo(async (undo) => {
    const id = makeId();
    mkdirSync(pool.kept(id), { mode: 0o700 });
    undo.push(() => pool.discard([id]));
    const next = await work(pool.kept(id));
    undo.push(() => pool.discard([next.own]));
    commit(next, id);
    undo.keep();
    pool.roots.succeed(volume.own, next);
    await replaceVolume(pool, trash, { ...volume, ...next }, id, map);
  });
}

/** The exchange. Can be repeated. */
export async function replaceVolume(pool: PoolParts, trash: Trash, volume: Volume, replaceBy: string, map: IdMap): Promise<void> {
  const [folder, kept] = [pool.roots.folder(volume.name), pool.kept(replaceBy)];
  if (existsSync(kept)) {
    void pool.roots.unmount(volume.name);
    if (existsSync(`${kept}/rootfs`)) {
      trash.take(`${folder}/rootfs`);
      rmSync(`${folder}/shifted`, { force: true });
      renameSync(`${kept}/rootfs`, `${folder}/rootfs`);
    }
    removeCompanions(folder);
    copyCompanions(kept, folder);
    void pool.discard([replaceBy]);
  }
  await pool.roots.ensureMounted(volume, map);
}
