// The root file systems of a pool's volumes: mounted as their records say, and let go of. Whoever changes one holds its lock.
import { chownSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { isMountPoint, unmountGently } from "../../host/mounts.ts";
import type { IdMap } from "../../host/user-namespace.ts";
import { formatIdMap, rootIds } from "../../lxc/idmap.ts";
import type { Locks } from "../../locks.ts";
import { explain, log } from "../../log.ts";
import type { Volume, VolumeRecord } from "../driver.ts";
import type { ImageLayers } from "./image-layers.ts";
import { type Layers, makeId } from "./layers.ts";
import { mountLayers, withRawLayers } from "./overlay.ts";

export class Roots {
  readonly #pool: string;
  readonly #images: ImageLayers;
  readonly #layers: Layers;
  readonly #locks: Locks;
  /** Name → how it was mounted, as far as this daemon knows. */
  readonly #mounted = new Map<string, { own: string; map: string }>();
  /** Layer that an unmounted overlay still writes down → until when; "" where it is not known which. */
  readonly #held = new Map<string, Promise<void>>();
  /** Layer that was written to → the record of its volume since it no longer is. Who asked with the old one means the new one. */
  readonly #successors = new Map<string, VolumeRecord>();

  constructor(pool: string, images: ImageLayers, layers: Layers, locks: Locks) {
    this.#pool = pool;
    this.#images = images;
    this.#layers = layers;
    this.#locks = locks;
  }

  /** The folder of a volume. */
  folder(name: string): string {
    return `${this.#pool}/containers/${name}`;
  }

  /** What `own` was written to for is `next` from now on. */
  succeed(own: string, next: VolumeRecord): void {
    if (own) this.#successors.set(own, next);
  }

  forget(own: string): void {
    this.#successors.delete(own);
  }

  latest(volume: Volume): Volume {
    const next = this.#successors.get(volume.own);
    return next ? this.latest({ ...volume, ...next }) : volume;
  }

  async ensureMounted(asked: Volume, map: IdMap): Promise<void> {
    const volume = this.latest(asked);
    const folder = this.folder(volume.name);
    chownSync(folder, rootIds(map).uid, 0);
    if (volume.kind !== "overlay") return;
    this.adopt(volume);
    const target = `${folder}/rootfs`;
    const wanted = { own: volume.own, map: formatIdMap(map) };
    if (isMountPoint(target)) {
      const has = this.#mounted.get(volume.name);
      if (has?.own === wanted.own && has.map === wanted.map) return;
      void this.unmount(volume.name);
    }
    await this.released([volume.own, ...volume.layers]);
    mkdirSync(target, { recursive: true, mode: 0o755 });
    if (volume.image) await this.#locks.run(volume.image, () => this.#images.mountSquashfs(volume.image));
    const image = volume.image ? this.#images.rootfs(volume.image) : undefined;
    await mountLayers({ image, layers: this.#layers.root, below: volume.layers, own: volume.own }, map, target, `${this.#pool}/mounts/${volume.name}`);
    this.#mounted.set(volume.name, wanted);
  }

  /** What a volume wrote to lay beside it once. */
  adopt(volume: Volume): void {
    const before = `${this.folder(volume.name)}/diff`;
    if (!this.#layers.has(volume.own) && existsSync(before)) renameSync(before, this.#layers.folder(volume.own));
  }

  /** Mounts a volume; if it has to wait for a layer to be let go of, when that is done, and not for the caller. */
  async mountSoon(volume: Volume, map: IdMap): Promise<void> {
    if (!["", volume.own, ...volume.layers].some((id) => this.#held.has(id))) return this.ensureMounted(volume, map);
    void this.released([volume.own, ...volume.layers])
      .then(() => this.#locks.run(volume.name, async () => {
        if (existsSync(this.folder(volume.name))) await this.ensureMounted(volume, map);
      }))
      .catch((error) => log.warn("the root of an instance could not be mounted yet", { instance: volume.name, error: explain(error) }));
  }

  /** It is gone at once; resolves when nothing holds the layer that was written to. */
  unmount(name: string): Promise<void> {
    const own = this.#mounted.get(name)?.own ?? "";
    this.#mounted.delete(name);
    const released = unmountGently(`${this.folder(name)}/rootfs`);
    this.#held.set(own, released);
    void released.then(() => {
      if (this.#held.get(own) === released) this.#held.delete(own);
    });
    return released;
  }

  /** Resolves when no overlay that was unmounted holds any of the layers. */
  async released(layers: readonly string[]): Promise<void> {
    for (const id of ["", ...layers]) await this.#held.get(id);
  }

  /** Resolves when nothing of what was unmounted holds the pool's file system. */
  async letGo(): Promise<void> {
    await Promise.all(this.#held.values());
  }

  /** Where the root folder of what lies below a volume's own layer is. */
  below({ layers: [first], image }: VolumeRecord): string {
    return first === undefined ? this.#images.rootfs(image) : this.#layers.upper(first);
  }

  /** Lends the files that a snapshot's layers and image give together. */
  async withMerged<T>({ image, layers }: Pick<VolumeRecord, "image" | "layers">, work: (path: string) => Promise<T>): Promise<T> {
    await this.released(layers);
    const parts = { image: image ? this.#images.rootfs(image) : undefined, layers: this.#layers.root, below: layers };
    return withRawLayers(parts, `${this.#pool}/mounts/${makeId()}`, work);
  }
}
