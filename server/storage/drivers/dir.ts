// The dir driver: plain folders, with copy-on-write by overlay on idmapped layers where the file system
// and the kernel can, and copies with shifted ids where they can't.
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmdirSync, statfsSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { canIdmap, isMountPoint, mountIdmapped, mountOverlay, unmountTree } from "../../host/mounts.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { formatIdMap, hostId, isPrivileged, rootIds } from "../../lxc/idmap.ts";
import { Locks } from "../../locks.ts";
import { explain, log } from "../../log.ts";
import { withUndo } from "../../undo.ts";
import type { Space, StorageDriver, StoredImage, Volume, VolumeRecord } from "../driver.ts";
import { copyShifted, shiftCopy } from "./copy.ts";
import { ImageLayers } from "./image-layers.ts";
import { probeOverlay } from "./probe.ts";

export class DirDriver implements StorageDriver {
  readonly #root: string;
  readonly #allowOverlay: boolean;
  readonly #layers: ImageLayers;
  readonly #locks = new Locks();
  /** Why volumes are copied; undefined when overlays work. */
  #copyReason: string | undefined;
  /** Volume → the map its overlay is mounted with, as far as this daemon knows. */
  readonly #maps = new Map<string, string>();
  #readMap: () => IdMap;

  /** `root`: the pool's folder. `allowOverlay`: false makes plain copies everywhere. */
  constructor(root: string, allowOverlay: boolean, readMap: () => IdMap) {
    this.#root = root;
    this.#allowOverlay = allowOverlay;
    this.#readMap = readMap;
    this.#layers = new ImageLayers(`${root}/images`);
  }

  async open(): Promise<void> {
    mkdirSync(`${this.#root}/containers`, { recursive: true, mode: 0o711 });
    mkdirSync(`${this.#root}/images`, { recursive: true, mode: 0o700 });
    mkdirSync(`${this.#root}/mounts`, { recursive: true, mode: 0o700 });
    this.#unmountHelpers(readdirSync(`${this.#root}/mounts`));
    await this.#layers.removeUnfinished();
    this.#copyReason = this.#allowOverlay ? await probeOverlay(`${this.#root}/mounts`, this.#readMap()) : "switched off by berth.copy_on_write";
    if (this.#copyReason) log.warn("this pool copies images instead of layering them", { pool: this.#root, reason: this.#copyReason });
  }

  report(): Record<string, string> {
    if (!this.#copyReason) return { "volatile.copy_on_write": "overlay" };
    return { "volatile.copy_on_write": "none", "volatile.copy_on_write.reason": this.#copyReason };
  }

  hasImage(fingerprint: string): boolean {
    return existsSync(this.#layers.folder(fingerprint));
  }

  async ensureImage(image: StoredImage): Promise<void> {
    const namespace = await userNamespace(this.#readMap());
    await this.#locks.run(image.fingerprint, () => this.#layers.ensure(image, (rootfs) => this.#copyReason !== undefined || canIdmap(rootfs, namespace)));
  }

  removeImage(fingerprint: string): Promise<void> {
    return this.#locks.run(fingerprint, () => this.#layers.remove(fingerprint));
  }

  folder(name: string): string {
    return `${this.#root}/containers/${name}`;
  }

  async create(name: string, image: StoredImage | undefined, map: IdMap): Promise<VolumeRecord> {
    const folder = this.folder(name);
    return withUndo(async (undo) => {
      mkdirSync(folder, { mode: 0o700 });
      undo.push(() => this.remove(name));
      this.#protect(folder, map);
      mkdirSync(`${folder}/rootfs`, { mode: 0o755 });
      const record: VolumeRecord = { kind: image ? (this.#copyReason ? "copy" : "overlay") : "empty", image: image?.fingerprint ?? "" };
      if (record.kind === "overlay") {
        mkdirSync(`${folder}/diff/upper`, { recursive: true, mode: 0o755 });
        mkdirSync(`${folder}/diff/work`, { mode: 0o700 });
        chmodSync(`${folder}/diff/upper`, statSync(this.#layers.rootfs(record.image)).mode & 0o7777); // the root folder's mode is the upper one's
        await this.#mount(name, record.image, map);
      } else if (image) {
        await copyShifted(this.#layers.rootfs(image.fingerprint), `${folder}/rootfs`, map);
      } else {
        chownSync(`${folder}/rootfs`, rootIds(map).uid, rootIds(map).gid);
      }
      if (image) await this.#layers.copyMetadata(image.fingerprint, folder);
      return record;
    });
  }

  /** Only the container's root may pass through the volume's folder. */
  #protect(folder: string, map: IdMap): void {
    const { uid } = rootIds(map);
    chownSync(folder, uid, 0);
    chmodSync(folder, 0o100);
  }

  async ensureMounted(volume: Volume, map: IdMap): Promise<void> {
    if (volume.kind !== "overlay" || this.#isMounted(volume.name, map)) return;
    unmountTree(`${this.folder(volume.name)}/rootfs`);
    this.#protect(this.folder(volume.name), map);
    await this.#locks.run(volume.image, () => this.#layers.mountSquashfs(volume.image));
    await this.#mount(volume.name, volume.image, map);
  }

  /** Of an overlay that an earlier daemon mounted, the owner of its root tells the map. */
  #isMounted(name: string, map: IdMap): boolean {
    const folder = this.folder(name);
    if (!isMountPoint(`${folder}/rootfs`)) return false;
    const known = this.#maps.get(name);
    if (known !== undefined) return known === formatIdMap(map);
    const owner = hostId(map.uid, statSync(`${folder}/diff/upper`).uid);
    return owner === undefined || statSync(`${folder}/rootfs`).uid === owner;
  }

  async shift(volume: Volume, from: IdMap, to: IdMap): Promise<void> {
    const folder = this.folder(volume.name);
    await shiftCopy(folder, from, to);
    this.#protect(folder, to);
  }

  async #mount(name: string, image: string, map: IdMap): Promise<void> {
    const folder = this.folder(name);
    this.#maps.set(name, formatIdMap(map));
    if (isPrivileged(map)) {
      mountOverlay({ lower: [this.#layers.rootfs(image)], upper: `${folder}/diff/upper`, work: `${folder}/diff/work`, uid: 0, gid: 0, devices: true }, `${folder}/rootfs`);
      return;
    }
    const namespace = await userNamespace(map);
    const [lower, diff] = [`${this.#root}/mounts/${name}.lower`, `${this.#root}/mounts/${name}.diff`];
    mkdirSync(lower, { recursive: true });
    mkdirSync(diff, { recursive: true });
    try {
      mountIdmapped(this.#layers.rootfs(image), lower, namespace);
      mountIdmapped(`${folder}/diff`, diff, namespace);
      mountOverlay({ lower: [lower], upper: `${diff}/upper`, work: `${diff}/work`, ...rootIds(map) }, `${folder}/rootfs`);
    } finally {
      this.#unmountHelpers([`${name}.lower`, `${name}.diff`]); // the overlay holds copies of its own
    }
  }

  #unmountHelpers(names: readonly string[]): void {
    for (const name of names) {
      unmountTree(`${this.#root}/mounts/${name}`);
      if (name !== ".probe") rmdirSync(`${this.#root}/mounts/${name}`);
    }
  }

  async rename(volume: Volume, newName: string, map: IdMap): Promise<void> {
    unmountTree(`${this.folder(volume.name)}/rootfs`);
    this.#maps.delete(volume.name);
    await rename(this.folder(volume.name), this.folder(newName));
    await this.ensureMounted({ ...volume, name: newName }, map);
  }

  async remove(name: string): Promise<void> {
    const folder = this.folder(name);
    if (!existsSync(folder)) return;
    unmountTree(`${folder}/rootfs`);
    this.#maps.delete(name);
    await rm(folder, { recursive: true, force: true, maxRetries: 6 });
  }

  space(): Space {
    const { blocks, bfree, bsize, files, ffree } = statfsSync(this.#root);
    return { used: (blocks - bfree) * bsize, total: blocks * bsize, inodesUsed: files - ffree, inodesTotal: files };
  }

  async destroy(): Promise<void> {
    try {
      await this.#layers.unmountAll();
      await rm(this.#root, { recursive: true, force: true });
    } catch (error) {
      log.warn("a pool's folder could not be removed", { folder: this.#root, error: explain(error) });
      throw error;
    }
  }
}
