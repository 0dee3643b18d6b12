// The dir driver: plain folders, with copy-on-write by overlay on idmapped layers where the file system
// and the kernel can, and copies with shifted ids where they can't.
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isBtrfs } from "../../host/btrfs.ts";
import { canIdmap, isMountPoint, unmountBelow, unmountGently } from "../../host/mounts.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { formatIdMap, noMap, rootIds } from "../../lxc/idmap.ts";
import { Locks } from "../../locks.ts";
import { explain, log } from "../../log.ts";
import { type Undo, withUndo } from "../../undo.ts";
import type { CommitReplacement, CommitSnapshot, Content, LiveGuest, Space, StorageDriver, StoredImage, Volume, VolumeRecord } from "../driver.ts";
import { copyFiles, copyOwned, shiftCopy } from "./copy.ts";
import { ImageLayers } from "./image-layers.ts";
import { Layers, makeId, mostLayers } from "./layers.ts";
import { mountLayers, unmountHelper, withRawLayers } from "./overlay.ts";
import { probeOverlay } from "./probe.ts";
import { Trash } from "./trash.ts";

/** How long it is waited for the space to be free again, in ms: little is freed in less, and for much nobody should wait. */
const shortWhile = 250;

/** What belongs to a volume besides its root file system. */
const companions = ["metadata.yaml", "templates"];

export class DirDriver implements StorageDriver {
  readonly #root: string;
  readonly #allowOverlay: boolean;
  readonly #images: ImageLayers;
  readonly #layers: Layers;
  readonly #trash: Trash;
  readonly #locks = new Locks();
  /** Name → how it was mounted, as far as this daemon knows. */
  readonly #mounted = new Map<string, string>();
  /** Layer that was written to → the record of its volume since it no longer is. Who asked with the old one means the new one. */
  readonly #successors = new Map<string, VolumeRecord>();
  /** Why volumes are copied; undefined when overlays work. */
  #copyReason: string | undefined;
  readonly #readMap: () => IdMap;

  /** `root`: the pool's folder. `allowOverlay`: false makes plain copies everywhere. */
  constructor(root: string, allowOverlay: boolean, readMap: () => IdMap) {
    this.#root = root;
    this.#allowOverlay = allowOverlay;
    this.#readMap = readMap;
    this.#images = new ImageLayers(`${root}/images`);
    this.#trash = new Trash(`${root}/trash`);
    this.#layers = new Layers(`${root}/layers`, this.#trash);
  }

  async open(): Promise<void> {
    mkdirSync(`${this.#root}/containers`, { recursive: true, mode: 0o711 });
    for (const folder of ["images", "mounts", "snapshots"]) mkdirSync(`${this.#root}/${folder}`, { recursive: true, mode: 0o700 });
    this.#layers.open();
    this.#trash.open();
    for (const helper of readdirSync(`${this.#root}/mounts`)) if (helper !== ".probe") unmountHelper(`${this.#root}/mounts/${helper}`);
    await this.#images.removeUnfinished();
    this.#copyReason = this.#allowOverlay ? await probeOverlay(`${this.#root}/mounts`, this.#readMap()) : "switched off by berth.copy_on_write";
    if (this.#copyReason) log.warn("this pool copies images instead of layering them", { pool: this.#root, reason: this.#copyReason });
  }

  close(): Promise<void> {
    return this.#trash.emptied();
  }

  report(): Record<string, string> {
    if (this.#copyReason) return { "volatile.copy_on_write": "none", "volatile.copy_on_write.reason": this.#copyReason, "volatile.snapshots": "copies of all files" };
    const live = isBtrfs(this.#layers.root) ? "instant" : "instant while stopped, copies of what was written while running";
    return { "volatile.copy_on_write": "overlay", "volatile.snapshots": live };
  }

  hasImage(fingerprint: string): boolean {
    return existsSync(this.#images.folder(fingerprint));
  }

  async ensureImage(image: StoredImage): Promise<void> {
    const namespace = await userNamespace(this.#readMap());
    await this.#locks.run(image.fingerprint, () => this.#images.ensure(image, (rootfs) => this.#copyReason !== undefined || canIdmap(rootfs, namespace)));
  }

  removeImage(fingerprint: string): Promise<void> {
    return this.#locks.run(fingerprint, () => this.#images.remove(fingerprint));
  }

  folder(name: string): string {
    return `${this.#root}/containers/${name}`;
  }

  /** What a snapshot keeps beside layers, or what is to replace a volume's. */
  #kept(id: string): string {
    return `${this.#root}/snapshots/${id}`;
  }

  async create(name: string, image: StoredImage | undefined, map: IdMap): Promise<VolumeRecord> {
    const folder = this.folder(name);
    return withUndo(async (undo) => {
      this.#makeFolder(name, map);
      undo.push(() => this.remove(name));
      const record = await this.#begin(`${folder}/rootfs`, image, map);
      undo.push(() => this.discard([record.own, ...record.layers]));
      if (image) await this.#images.copyMetadata(image.fingerprint, folder);
      await this.ensureMounted({ ...record, pool: "", name }, map);
      return record;
    });
  }

  /** Files as an image has them, or none: as a layer, or in a folder to be made. */
  async #begin(rootfs: string, image: StoredImage | undefined, map: IdMap): Promise<VolumeRecord> {
    const about = { image: image?.fingerprint ?? "" };
    if (!this.#copyReason) {
      if (image) return { kind: "overlay", ...about, own: this.#layers.make(this.#images.rootfs(about.image)), layers: [] };
      const lowest = this.#layers.make(undefined);
      return { kind: "overlay", ...about, own: this.#layers.make(this.#layers.upper(lowest)), layers: [lowest] };
    }
    if (image) await copyOwned(this.#images.rootfs(about.image), noMap, rootfs, map);
    else mkdirSync(rootfs, { mode: 0o755 });
    if (!image) chownSync(rootfs, rootIds(map).uid, rootIds(map).gid);
    return { kind: image ? "copy" : "empty", ...about, own: "", layers: [] };
  }

  async createFrom(name: string, snapshot: Content, map: IdMap, consume: boolean): Promise<VolumeRecord> {
    const [folder, kept] = [this.folder(name), this.#kept(snapshot.record.own)];
    return withUndo(async (undo) => {
      this.#makeFolder(name, map);
      undo.push(() => this.remove(name));
      if (snapshot.record.kind !== "overlay") {
        if (consume && formatIdMap(snapshot.map) === formatIdMap(map)) renameSync(`${kept}/rootfs`, `${folder}/rootfs`);
        else await copyOwned(`${kept}/rootfs`, snapshot.map, `${folder}/rootfs`, map);
      }
      const record = this.#over(snapshot.record);
      undo.push(() => this.discard([record.own]));
      copyCompanions(kept, folder);
      await this.ensureMounted({ ...record, pool: "", name }, map);
      return record;
    });
  }

  async adopt({ record, map: had }: Content, other: StorageDriver, map: IdMap): Promise<VolumeRecord> {
    if (!(other instanceof DirDriver)) throw new Error("pools of different kinds cannot share snapshots");
    return withUndo(async (undo) => {
      const own = makeId();
      mkdirSync(this.#kept(own), { mode: 0o700 });
      undo.push(() => this.discard([own]));
      copyCompanions(other.#kept(record.own), this.#kept(own));
      const [files, target] = [`${other.#kept(record.own)}/rootfs`, `${this.#kept(own)}/rootfs`];
      if (record.kind !== "overlay") {
        if (other !== this && !this.#copyReason) return { kind: "overlay", image: "", own, layers: [await this.#fillLayer(files, had, undo)] };
        await copyOwned(files, had, target, map);
        return { ...record, own };
      }
      if (other !== this && this.#copyReason) {
        await other.#withMerged(record, (path) => copyOwned(path, noMap, target, map));
        return { kind: "copy", image: record.image, own, layers: [] };
      }
      if (other !== this) await this.#adoptLayers(record, other);
      return { ...record, own };
    });
  }

  /** Makes a layer of files with shifted owners. */
  async #fillLayer(files: string, map: IdMap, undo: Undo): Promise<string> {
    const id = makeId();
    undo.push(() => this.discard([id]));
    await this.#layers.fill(id, (upper) => copyOwned(files, map, upper, noMap));
    return id;
  }

  /** Has the same layers, and the image, as another pool. Names are unique: what is there is the same. */
  async #adoptLayers({ image, layers }: VolumeRecord, other: DirDriver): Promise<void> {
    if (image) await this.#locks.run(image, () => this.#images.copyFrom(other.#images, image));
    for (const id of layers) {
      await this.#locks.run(id, async () => {
        if (!this.#layers.has(id)) await this.#layers.fill(id, (upper) => copyFiles(other.#layers.upper(id), upper));
      });
    }
  }

  /** Lends the files that a snapshot's layers and image give together. */
  #withMerged<T>({ image, layers }: Pick<VolumeRecord, "image" | "layers">, work: (path: string) => Promise<T>): Promise<T> {
    const parts = { image: image ? this.#images.rootfs(image) : undefined, layers: this.#layers.root, below: layers };
    return withRawLayers(parts, `${this.#root}/mounts/${makeId()}`, work);
  }

  /** The record of a volume that has what a snapshot has; the snapshot's layers lie below it. */
  #over(snapshot: VolumeRecord): VolumeRecord {
    if (snapshot.kind !== "overlay") return { ...snapshot, own: "" };
    return { ...snapshot, own: this.#layers.make(this.#below(snapshot)) };
  }

  /** Where the root folder of what lies below a volume's own layer is. */
  #below({ layers: [first], image }: VolumeRecord): string {
    return first === undefined ? this.#images.rootfs(image) : this.#layers.upper(first);
  }

  #makeFolder(name: string, map: IdMap): void {
    mkdirSync(this.folder(name), { mode: 0o700 });
    chownSync(this.folder(name), rootIds(map).uid, 0);
    chmodSync(this.folder(name), 0o100); // only the container's root may pass
  }

  ensureMounted(volume: Volume, map: IdMap): Promise<void> {
    return this.#locks.run(volume.name, () => this.#ensureMounted(volume, map));
  }

  async #ensureMounted(asked: Volume, map: IdMap): Promise<void> {
    const volume = this.#latest(asked);
    const folder = this.folder(volume.name);
    chownSync(folder, rootIds(map).uid, 0);
    if (volume.kind !== "overlay") return;
    this.#adopt(volume);
    const target = `${folder}/rootfs`;
    const wanted = `${volume.own} ${formatIdMap(map)}`;
    if (isMountPoint(target)) {
      if (this.#mounted.get(volume.name) === wanted) return;
      await this.#unmount(volume.name);
    }
    mkdirSync(target, { recursive: true, mode: 0o755 });
    if (volume.image) await this.#locks.run(volume.image, () => this.#images.mountSquashfs(volume.image));
    await mountLayers(this.#parts(volume), map, target, `${this.#root}/mounts/${volume.name}`);
    this.#mounted.set(volume.name, wanted);
  }

  #latest(volume: Volume): Volume {
    const next = this.#successors.get(volume.own);
    return next ? this.#latest({ ...volume, ...next }) : volume;
  }

  #parts(record: VolumeRecord) {
    const image = record.image ? this.#images.rootfs(record.image) : undefined;
    return { image, layers: this.#layers.root, below: record.layers, own: record.own };
  }

  async shift(volume: Volume, from: IdMap, to: IdMap): Promise<void> {
    const folder = this.folder(volume.name);
    await shiftCopy(folder, from, to);
    chownSync(folder, rootIds(to).uid, 0);
  }

  /** What a volume wrote to lay beside it once. */
  #adopt(volume: Volume): void {
    const before = `${this.folder(volume.name)}/diff`;
    if (!this.#layers.has(volume.own) && existsSync(before)) renameSync(before, this.#layers.folder(volume.own));
  }

  /** It is gone at once; resolves when nothing holds the layer that was written to. */
  #unmount(name: string): Promise<void> {
    this.#mounted.delete(name);
    return unmountGently(`${this.folder(name)}/rootfs`);
  }

  snapshot(volume: Volume, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot): Promise<void> {
    return this.#locks.run(volume.name, () => withUndo(async (undo) => {
      const own = makeId();
      mkdirSync(this.#kept(own), { mode: 0o700 });
      undo.push(() => this.discard([own]));
      copyCompanions(this.folder(volume.name), this.#kept(own));
      if (volume.kind === "overlay") return this.#fix(volume, own, map, guest, commit, undo);
      const copy = () => copyFiles(`${this.folder(volume.name)}/rootfs`, `${this.#kept(own)}/rootfs`);
      await (guest ? guest.paused(copy) : copy());
      commit({ ...recordOf(volume), own }, recordOf(volume));
    }));
  }

  /** Makes layers that nothing writes to any more of what the volume holds now. */
  async #fix(volume: Volume, own: string, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot, undo: Undo): Promise<void> {
    this.#adopt(volume);
    const record = recordOf(volume);
    const taken = { ...record, own };
    if (guest) {
      const copy = () => this.#layers.copy(volume.own);
      const layer = await (this.#layers.canCopyLive(volume.own) ? copy() : guest.paused(copy));
      undo.push(() => this.discard([layer]));
      return commit({ ...taken, ...(await this.#flatten(volume.image, [layer, ...volume.layers], undo)) }, record);
    }
    if (this.#layers.isUntouched(volume.own, this.#below(volume))) return commit(taken, record);
    await this.#unmount(volume.name);
    undo.push(() => this.#ensureMounted(volume, map));
    const below = await this.#flatten(volume.image, [volume.own, ...volume.layers], undo);
    const next = { ...record, ...below, own: this.#layers.make(this.#below({ ...record, ...below })) };
    undo.push(() => this.discard([next.own]));
    commit({ ...taken, ...below }, next);
    undo.keep();
    this.#successors.set(volume.own, next);
    await this.#ensureMounted(volume, map);
  }

  /** Layers as they are, or one that holds all of them and the image when they are too many. */
  async #flatten(image: string, layers: readonly string[], undo: Undo): Promise<Pick<VolumeRecord, "image" | "layers">> {
    if (layers.length <= mostLayers) return { image, layers };
    const id = makeId();
    undo.push(() => this.discard([id]));
    await this.#withMerged({ image, layers }, (root) => this.#layers.fill(id, (upper) => copyFiles(root, upper)));
    return { image: "", layers: [id] };
  }

  restore(volume: Volume, { record, map: had }: Content, map: IdMap, commit: CommitReplacement): Promise<void> {
    return this.#makeReplacement(volume, map, commit, async (kept) => {
      copyCompanions(this.#kept(record.own), kept);
      if (record.kind !== "overlay") await copyOwned(`${this.#kept(record.own)}/rootfs`, had, `${kept}/rootfs`, map);
      return this.#over(record);
    });
  }

  rebuild(volume: Volume, image: StoredImage | undefined, map: IdMap, commit: CommitReplacement): Promise<void> {
    return this.#makeReplacement(volume, map, commit, async (kept) => {
      if (image) await this.#images.copyMetadata(image.fingerprint, kept);
      return this.#begin(`${kept}/rootfs`, image, map);
    });
  }

  #makeReplacement(volume: Volume, map: IdMap, commit: CommitReplacement, work: (kept: string) => Promise<VolumeRecord>): Promise<void> {
    return this.#locks.run(volume.name, () => withUndo(async (undo) => {
      const id = makeId();
      mkdirSync(this.#kept(id), { mode: 0o700 });
      undo.push(() => this.discard([id]));
      const next = await work(this.#kept(id));
      undo.push(() => this.discard([next.own]));
      commit(next, id);
      undo.keep();
      if (volume.own) this.#successors.set(volume.own, next);
      await this.#replace({ ...volume, ...next }, id, map);
    }));
  }

  replace(volume: Volume, replaceBy: string, map: IdMap): Promise<void> {
    return this.#locks.run(volume.name, () => this.#replace(volume, replaceBy, map));
  }

  async #replace(volume: Volume, replaceBy: string, map: IdMap): Promise<void> {
    const [folder, kept] = [this.folder(volume.name), this.#kept(replaceBy)];
    if (existsSync(kept)) {
      await this.#unmount(volume.name);
      if (existsSync(`${kept}/rootfs`)) {
        this.#trash.take(`${folder}/rootfs`);
        rmSync(`${folder}/shifted`, { force: true });
        renameSync(`${kept}/rootfs`, `${folder}/rootfs`);
      }
      for (const name of companions) rmSync(`${folder}/${name}`, { recursive: true, force: true });
      copyCompanions(kept, folder);
      void this.discard([replaceBy]);
    }
    await this.#ensureMounted(volume, map);
  }

  async rename(name: string, newName: string): Promise<void> {
    if (!existsSync(this.folder(name))) return;
    await this.#unmount(name);
    renameSync(this.folder(name), this.folder(newName));
  }

  async remove(name: string): Promise<void> {
    if (!existsSync(this.folder(name))) return;
    void this.#unmount(name);
    unmountBelow(this.folder(name)); // the trash is emptied through what is mounted there
    this.#trash.take(this.folder(name));
    await this.#trash.emptied(shortWhile);
  }

  discard(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (!id) continue;
      this.#successors.delete(id);
      this.#layers.discard(id);
      this.#trash.take(this.#kept(id));
    }
    return this.#trash.emptied(shortWhile);
  }

  sweep(isUsed: (id: string) => boolean): void {
    void this.discard([...this.#layers.list(), ...readdirSync(`${this.#root}/snapshots`)].filter((id) => !isUsed(id)));
  }

  ownFiles(volume: Volume): string {
    return volume.kind === "overlay" ? this.#layers.upper(volume.own) : `${this.folder(volume.name)}/rootfs`;
  }

  space(): Space {
    const { blocks, bfree, bsize, files, ffree } = statfsSync(this.#root);
    return { used: (blocks - bfree) * bsize, total: blocks * bsize, inodesUsed: files - ffree, inodesTotal: files };
  }

  async destroy(): Promise<void> {
    await this.empty();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** Unmounts all and removes what the pool's folder holds. */
  protected async empty(): Promise<void> {
    try {
      await this.#images.unmountAll();
      await this.#trash.emptied();
      for (const entry of readdirSync(this.#root)) await rm(`${this.#root}/${entry}`, { recursive: true, force: true });
    } catch (error) {
      log.warn("a pool's folder could not be emptied", { folder: this.#root, error: explain(error) });
      throw error;
    }
  }
}

/** What of a volume stands in the database. */
function recordOf({ kind, image, own, layers }: VolumeRecord): VolumeRecord {
  return { kind, image, own, layers };
}

function copyCompanions(from: string, to: string): void {
  for (const name of companions) {
    if (existsSync(`${from}/${name}`)) cpSync(`${from}/${name}`, `${to}/${name}`, { recursive: true });
  }
}
