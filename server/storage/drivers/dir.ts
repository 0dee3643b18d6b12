// The dir driver: plain folders, with copy-on-write by overlay on idmapped layers where the file system
// and the kernel can, and copies with shifted ids where they can't.
import { chmodSync, chownSync, existsSync, lchownSync, mkdirSync, readdirSync, renameSync, statfsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isBtrfs } from "../../host/btrfs.ts";
import { canIdmap, removeMountPoint, unmountBelow } from "../../host/mounts.ts";
import { Room } from "../../host/room.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { formatIdMap, noMap, rootIds } from "../../lxc/idmap.ts";
import { Locks } from "../../locks.ts";
import { explain, log } from "../../log.ts";
import { type Undo, withUndo } from "../../undo.ts";
import type { CommitReplacement, CommitSnapshot, Content, Lent, LentFiles, LiveGuest, Space, StorageDriver, StoredImage, Volume, VolumeRecord, Workshop, WorkshopOptions } from "../driver.ts";
import { namespaceOf } from "../programs.ts";
import { copyCompanions } from "./companions.ts";
import { copyFiles, copyOwned, shiftCopy } from "./copy.ts";
import { ImageLayers } from "./image-layers.ts";
import { Layers, makeId } from "./layers.ts";
import { mountRawLayers } from "./overlay.ts";
import { probeOverlay } from "./probe.ts";
import type { LayerQuota } from "./quota.ts";
import { makeReplacement, replaceVolume } from "./replace.ts";
import { Roots } from "./roots.ts";
import { flatten, type PoolParts, snapshotVolume } from "./snapshot.ts";
import { Trash } from "./trash.ts";
import { openWorkshop } from "./workshop.ts";

/** How long it is waited for the space to be free again, in ms: little is freed in less, and for much nobody should wait. */
const shortWhile = 250;

export class DirDriver implements StorageDriver {
  readonly #root: string;
  readonly #allowOverlay: boolean;
  readonly #images: ImageLayers;
  readonly #layers: Layers;
  readonly #trash: Trash;
  readonly #locks = new Locks();
  readonly #roots: Roots;
  readonly #parts: PoolParts;
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
    this.#roots = new Roots(root, this.#images, this.#layers, this.#locks);
    this.#parts = { layers: this.#layers, roots: this.#roots, kept: (id) => this.#kept(id), discard: (ids) => this.discard(ids) };
  }

  async open(): Promise<void> {
    mkdirSync(`${this.#root}/containers`, { recursive: true, mode: 0o711 });
    for (const folder of ["images", "mounts", "snapshots"]) mkdirSync(`${this.#root}/${folder}`, { recursive: true, mode: 0o700 });
    this.#layers.open();
    this.#trash.open();
    for (const helper of readdirSync(`${this.#root}/mounts`)) if (helper !== ".probe") removeMountPoint(`${this.#root}/mounts/${helper}`);
    await this.#images.removeUnfinished();
    this.#copyReason = this.#allowOverlay ? await probeOverlay(`${this.#root}/mounts`, this.#readMap()) : "switched off by berth.copy_on_write";
    if (this.#copyReason) log.warn("this pool copies images instead of layering them", { pool: this.#root, reason: this.#copyReason });
  }

  close(): Promise<void> {
    return this.#trash.emptied();
  }

  report(): Record<string, string> {
    if (this.#copyReason) return { "volatile.copy_on_write": "none", "volatile.copy_on_write.reason": this.#copyReason, "volatile.snapshots": "copies of all files", ...this.reportQuota() };
    const live = isBtrfs(this.#layers.root) ? "instant" : "instant while stopped, copies of what was written while running";
    return { "volatile.copy_on_write": "overlay", "volatile.snapshots": live, ...this.reportQuota() };
  }

  /** Whether root disks can be limited, and if not, why. */
  protected reportQuota(): Record<string, string> {
    return { "volatile.quota": "none", "volatile.quota.reason": "only pools of the driver btrfs limit the size of instances" };
  }

  /** What limits layers; undefined where nothing does. */
  protected get quota(): LayerQuota | undefined {
    return undefined;
  }

  hasImage(fingerprint: string): boolean {
    return existsSync(this.#images.folder(fingerprint));
  }

  async ensureImage(image: StoredImage, heard?: (bytes: number) => void): Promise<void> {
    const namespace = await userNamespace(this.#readMap());
    await this.#locks.run(image.fingerprint, () => this.#images.ensure(image, (rootfs) => this.#copyReason !== undefined || canIdmap(rootfs, namespace), heard));
  }

  removeImage(fingerprint: string): Promise<void> {
    return this.#locks.run(fingerprint, () => this.#images.remove(fingerprint));
  }

  folder(name: string): string {
    return this.#roots.folder(name);
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
      await this.#roots.mountSoon({ ...record, pool: "", name }, map);
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
        await other.#roots.withMerged(record, (path) => copyOwned(path, noMap, target, map));
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

  showSnapshot<T>(snapshot: Content, at: string, work: (lent: Lent) => Promise<T>): Promise<T> {
    return this.#show(this.#kept(snapshot.record.own), snapshot, at, work);
  }

  showVolume<T>(volume: Volume, map: IdMap, guest: LiveGuest | undefined, at: string, work: (lent: Lent) => Promise<T>): Promise<T> {
    if (volume.kind === "overlay") throw new Error("what an overlay holds is shown as a snapshot");
    const show = () => this.#show(this.folder(volume.name), { record: volume, map }, at, work);
    return guest ? guest.paused(show) : show();
  }

  async #show<T>(folder: string, { record, map: had }: Content, at: string, work: (lent: Lent) => Promise<T>): Promise<T> {
    const map = record.kind === "overlay" ? noMap : had;
    await this.#roots.released(record.layers);
    using room = new Room(this.#helper());
    const shown = room.folder(at);
    copyCompanions(folder, shown);
    const owner = rootIds(map);
    for (const name of ["", ...readdirSync(shown, { recursive: true, encoding: "utf8" })]) lchownSync(`${shown}/${name}`, owner.uid, owner.gid);
    const rootfs = room.folder(`${at}/rootfs`);
    if (record.kind !== "overlay") room.show(`${folder}/rootfs`, `${at}/rootfs`, true);
    else mountRawLayers({ image: record.image ? await this.#imageRoot(record.image) : undefined, layers: this.#layers.root, below: record.layers }, rootfs, room.folder(".empty"));
    return await work({ room, owner, namespace: await namespaceOf(map) });
  }

  build(options: WorkshopOptions): Workshop {
    return openWorkshop({
      layers: this.#layers, copies: this.#copyReason !== undefined,
      kept: (id) => this.#kept(id), helper: () => this.#helper(), imageRoot: (fingerprint) => this.#imageRoot(fingerprint),
      flatten: (image, layers, undo) => flatten(this.#parts, image, layers, undo), discard: (ids) => this.discard(ids),
    }, options);
  }

  #helper(): string {
    return `${this.#root}/mounts/${makeId()}`;
  }

  /** Where an image's files are; a squashfs is mounted. */
  async #imageRoot(fingerprint: string): Promise<string> {
    await this.#locks.run(fingerprint, () => this.#images.mountSquashfs(fingerprint));
    return this.#images.rootfs(fingerprint);
  }

  /** The record of a volume that has what a snapshot has; the snapshot's layers lie below it. */
  #over(snapshot: VolumeRecord): VolumeRecord {
    if (snapshot.kind !== "overlay") return { ...snapshot, own: "" };
    return { ...snapshot, own: this.#layers.make(this.#roots.below(snapshot)) };
  }

  #makeFolder(name: string, map: IdMap): void {
    mkdirSync(this.folder(name), { mode: 0o700 });
    chownSync(this.folder(name), rootIds(map).uid, 0);
    chmodSync(this.folder(name), 0o100); // only the container's root may pass
  }

  ensureMounted(volume: Volume, map: IdMap): Promise<void> {
    return this.#locks.run(volume.name, () => this.#roots.ensureMounted(volume, map));
  }

  async shift(volume: Volume, from: IdMap, to: IdMap): Promise<void> {
    const folder = this.folder(volume.name);
    await shiftCopy(folder, from, to);
    chownSync(folder, rootIds(to).uid, 0);
  }

  async limit(asked: Volume, size: number | undefined, full: boolean): Promise<boolean> {
    const volume = this.#roots.latest(asked);
    if (!this.quota || volume.kind !== "overlay") return false;
    await this.quota.limit(this.#layers.folder(volume.own), volume.layers.map((id) => this.#layers.folder(id)), size, full);
    return true;
  }

  snapshot(volume: Volume, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot): Promise<void> {
    return this.#locks.run(volume.name, () => snapshotVolume(this.#parts, volume, map, guest, commit));
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
    return this.#locks.run(volume.name, () => makeReplacement(this.#parts, this.#trash, volume, map, commit, work));
  }

  replace(volume: Volume, replaceBy: string, map: IdMap): Promise<void> {
    return this.#locks.run(volume.name, () => replaceVolume(this.#parts, this.#trash, volume, replaceBy, map));
  }

  async rename(name: string, newName: string): Promise<void> {
    if (!existsSync(this.folder(name))) return;
    void this.#roots.unmount(name);
    renameSync(this.folder(name), this.folder(newName));
  }

  async remove(name: string): Promise<void> {
    if (!existsSync(this.folder(name))) return;
    void this.#roots.unmount(name);
    unmountBelow(this.folder(name)); // the trash is emptied through what is mounted there
    this.#trash.take(this.folder(name));
    await this.#trash.emptied(shortWhile);
  }

  discard(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (!id) continue;
      this.#roots.forget(id);
      this.#layers.discard(id);
      this.#trash.take(this.#kept(id));
    }
    return this.#trash.emptied(shortWhile);
  }

  sweep(isUsed: (id: string) => boolean): void {
    void this.discard([...this.#layers.list(), ...readdirSync(`${this.#root}/snapshots`)].filter((id) => !isUsed(id)));
  }

  async lend<T>(record: VolumeRecord, name: string | undefined, work: (files: LentFiles) => Promise<T>): Promise<T> {
    const folder = name === undefined ? this.#kept(record.own) : this.folder(name);
    if (record.kind !== "overlay") return work({ rootfs: `${folder}/rootfs`, folder });
    if (record.image) await this.#imageRoot(record.image);
    return this.#roots.withMerged(record, (rootfs) => work({ rootfs, folder }));
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
      await this.#roots.letGo();
      await this.#trash.emptied();
      for (const entry of readdirSync(this.#root)) await rm(`${this.#root}/${entry}`, { recursive: true, force: true });
    } catch (error) {
      log.warn("a pool's folder could not be emptied", { folder: this.#root, error: explain(error) });
      throw error;
    }
  }
}
