// Making snapshots of files that come from elsewhere. Where the pool layers, each is a layer over the one before it: only what differs
// takes space. Where it copies, or where the files come with foreign owners, they are gathered in one folder and copied from there.
import { copyFileSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import { unmountGently } from "../../host/mounts.ts";
import { Room } from "../../host/room.ts";
import { isPrivileged, noMap } from "../../lxc/idmap.ts";
import { metadataLimit } from "../../../images/metadata.ts";
import { type Undo, withUndo } from "../../undo.ts";
import type { Content, VolumeRecord, Workshop, WorkshopOptions } from "../driver.ts";
import { copyOwned } from "./copy.ts";
import { type Layers, makeId } from "./layers.ts";
import { mountLayers } from "./overlay.ts";

/** What a workshop needs of its pool. */
export interface WorkshopPool {
  readonly layers: Layers;
  /** Volumes are copies here. */
  readonly copies: boolean;
  /** Where a snapshot keeps what it has beside layers. */
  kept(id: string): string;
  /** A path for something that is mounted for a while. */
  helper(): string;
  imageRoot(fingerprint: string): Promise<string>;
  flatten(image: string, layers: readonly string[], undo: Undo): Promise<Pick<VolumeRecord, "image" | "layers">>;
  discard(ids: readonly string[]): Promise<void>;
}

export function openWorkshop(pool: WorkshopPool, options: WorkshopOptions): Workshop {
  return !pool.copies && isPrivileged(options.from) ? new LayerWorkshop(pool, options.base) : new GatheringWorkshop(pool, options);
}

class LayerWorkshop implements Workshop {
  readonly #pool: WorkshopPool;
  #image = "";
  #layers: readonly string[] = [];

  constructor(pool: WorkshopPool, base: Content | undefined) {
    this.#pool = pool;
    if (base?.record.kind === "overlay") [this.#image, this.#layers] = [base.record.image, base.record.layers];
  }

  fill(write: (room: Room) => Promise<void>): Promise<VolumeRecord> {
    const pool = this.#pool;
    return withUndo(async (undo) => {
      const image = this.#image ? await pool.imageRoot(this.#image) : undefined;
      const below = [...this.#layers];
      const make = (like: string | undefined) => {
        const id = pool.layers.make(like);
        undo.push(() => pool.discard([id]));
        return id;
      };
      if (image === undefined && below.length === 0) below.push(make(undefined));
      const under = below[0] === undefined ? (image ?? "") : pool.layers.upper(below[0]);
      const own = make(under);
      const id = await makeKept(pool, undo, write, (target, helper) => mountLayers({ image, layers: pool.layers.root, below, own }, noMap, target, helper));
      const grown = pool.layers.isUntouched(own, under) ? below : [own, ...below];
      const flat = await pool.flatten(this.#image, grown, undo);
      [this.#image, this.#layers] = [flat.image, flat.layers];
      return { kind: "overlay", ...flat, own: id };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class GatheringWorkshop implements Workshop {
  readonly #pool: WorkshopPool;
  readonly #options: WorkshopOptions;
  #gathered: string | undefined;

  constructor(pool: WorkshopPool, options: WorkshopOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  async fill(write: (room: Room) => Promise<void>): Promise<VolumeRecord> {
    const pool = this.#pool;
    const files = await this.#files();
    return withUndo(async (undo) => {
      const id = await makeKept(pool, undo, write, async (_, __, room) => room.show(files, "files/rootfs", false));
      const { from, map } = this.#options;
      if (pool.copies) {
        await copyOwned(files, from, `${pool.kept(id)}/rootfs`, map);
        return { kind: "copy", image: "", own: id, layers: [] };
      }
      const layer = makeId();
      undo.push(() => pool.discard([layer]));
      await pool.layers.fill(layer, (upper) => copyOwned(files, from, upper, noMap));
      return { kind: "overlay", image: "", own: id, layers: [layer] };
    });
  }

  /** The folder where they are gathered. */
  async #files(): Promise<string> {
    const { base, from } = this.#options;
    const pool = this.#pool;
    if (this.#gathered === undefined) {
      this.#gathered = makeId();
      const files = `${pool.kept(this.#gathered)}/rootfs`;
      mkdirSync(pool.kept(this.#gathered), { mode: 0o700 });
      if (base && base.record.kind !== "overlay") await copyOwned(`${pool.kept(base.record.own)}/rootfs`, base.map, files, from);
      else if (base && base.record.layers.length === 0 && base.record.image) await copyOwned(await pool.imageRoot(base.record.image), noMap, files, from);
      else mkdirSync(files, { mode: 0o755 });
    }
    return `${pool.kept(this.#gathered)}/rootfs`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gathered !== undefined) await this.#pool.discard([this.#gathered]);
  }
}

type MountRoot = (target: string, helper: string, room: Room) => Promise<void>;

/** Lets files be written in a room, and keeps what is not in their rootfs; gives the id of where it is kept. */
async function makeKept(pool: WorkshopPool, undo: Undo, write: (room: Room) => Promise<void>, mountRoot: MountRoot): Promise<string> {
  const id = makeId();
  mkdirSync(pool.kept(id), { mode: 0o700 });
  undo.push(() => pool.discard([id]));
  const helper = pool.helper();
  using room = new Room(helper);
  const rootfs = room.folder("files/rootfs");
  await mountRoot(rootfs, `${helper}.part`, room);
  let written = Promise.resolve();
  try {
    await write(room);
    keepCompanions(`${room.root}/files`, pool.kept(id));
  } finally {
    written = unmountGently(rootfs);
  }
  await written; // all of it is on the disk then: who moves an instance deletes the source
  return id;
}

/** Nothing is kept but what an image may have, and no file that is not one: the daemon reads them as root. */
function keepCompanions(from: string, to: string): void {
  const take = (name: string) => {
    const { size } = lstatSync(`${from}/${name}`);
    if (!lstatSync(`${from}/${name}`).isFile()) throw fail("image_broken", { reason: `${name} is not a regular file` });
    if (size > metadataLimit) throw fail("image_broken", { reason: `${name} is larger than ${metadataLimit} bytes` });
    copyFileSync(`${from}/${name}`, `${to}/${name}`);
  };
  const isThere = (name: string) => lstatSync(`${from}/${name}`, { throwIfNoEntry: false }) !== undefined;
  if (isThere("metadata.yaml")) take("metadata.yaml");
  if (!isThere("templates")) return;
  if (!lstatSync(`${from}/templates`).isDirectory()) throw fail("image_broken", { reason: "templates is not a directory" });
  mkdirSync(`${to}/templates`, { mode: 0o755 });
  for (const name of readdirSync(`${from}/templates`)) take(`templates/${name}`);
}
