// What a storage driver does. The life of a volume: an image is made ready once in a pool (`ensureImage`);
// an instance's volume is made from it (`create`) or from a snapshot (`createFrom`), and can be seen at `rootfs` from then on,
// also after the machine was restarted (`ensureMounted`), until it is deleted (`remove`). An image's part goes when neither
// the image nor a volume made from it is left (`removeImage`), and so do the folders that no volume needs any more (`discard`).
//
// What a volume is stands in its record, which the database holds. `snapshot`, `restore` and `rebuild` make ready what a new
// record needs and hand it to `commit`, which writes it down or throws: then everything is as it was.
import type { Room } from "../host/room.ts";
import type { IdMap } from "../host/user-namespace.ts";

/** An image as the store holds it. */
export interface StoredImage {
  fingerprint: string;
  /** The tarball, or the metadata's of a split image. */
  meta: string;
  /** The root file system's file of a split image. */
  rootfs: string | undefined;
  rootfsFormat: "tar" | "squashfs";
}

/** How a volume, or a snapshot of one, came to be; kept with its instance. */
export interface VolumeRecord {
  /** overlay: layers over the image; copy: files of its own, with the container's ids; empty: files of its own, and no image. */
  kind: "overlay" | "copy" | "empty";
  /** Fingerprint of the image below it; empty when there is none. */
  image: string;
  /** The pool's folder that is no other's: for an overlay the layer it writes to, for a snapshot what it keeps beside layers. */
  own: string;
  /** The pool's layers between `own` and the image, topmost first. Nothing writes to them. */
  layers: readonly string[];
}

export interface Volume extends VolumeRecord {
  pool: string;
  /** System name of the instance. */
  name: string;
}

/** A snapshot, and the map by which the owners of its files are shifted if they are a copy. */
export interface Content {
  record: VolumeRecord;
  map: IdMap;
}

/** What a volume or a snapshot holds, as it lies on the disk. */
export interface LentFiles {
  rootfs: string;
  /** The folder with metadata.yaml and templates/. */
  folder: string;
}

/** A guest that uses the volume while it is looked at. */
export interface LiveGuest {
  /** Runs `work` while the guest does not. */
  paused<T>(work: () => Promise<T>): Promise<T>;
}

/** Files of a volume or a snapshot that can be read in a room: metadata.yaml, templates/ and rootfs/, in the folder that was asked for. */
export interface Lent {
  room: Room;
  /** Whom all of it belongs to. */
  owner: { uid: number; gid: number };
  /** A descriptor of the user namespace in which the owners are the guest's; undefined when they are so anyway. */
  namespace: number | undefined;
}

/** What files that come from elsewhere are made into snapshots by. */
export interface Workshop extends AsyncDisposable {
  /**
   * A snapshot of what `write` puts into the folder `files` of a room: metadata.yaml, templates/ and rootfs/. At the rootfs it finds
   * what the last one, or the workshop's base, has.
   */
  fill(write: (room: Room) => Promise<void>): Promise<VolumeRecord>;
}

export interface WorkshopOptions {
  /** What it begins with, as far as it can be used; the files of an image when it has no layers. */
  base?: Content | undefined;
  /** The map by which the owners of the files that come are shifted. */
  from: IdMap;
  /** That of the instance that they are for. */
  map: IdMap;
}

/** Writes down the record of a snapshot, and that which its volume has from then on. */
export type CommitSnapshot = (taken: VolumeRecord, next: VolumeRecord) => void;
/** Writes down a volume's new record, and what `replace` is to be called with should the daemon end before it has. */
export type CommitReplacement = (next: VolumeRecord, replaceBy: string) => void;

export interface Space {
  /** Bytes. */
  used: number;
  total: number;
  inodesUsed: number;
  inodesTotal: number;
}

export interface StorageDriver {
  /** Makes the pool's folders and learns what the file system can do. Idempotent. */
  open(): Promise<void>;
  /** Ends what the daemon holds of it; mounts stay. */
  close(): Promise<void>;
  /** What users are shown of it among the pool's volatile keys. */
  report(): Record<string, string>;
  /** Whether an image is ready here; making it so can take long. */
  hasImage(fingerprint: string): boolean;
  /** `heard` is told of each piece of the root file system's tarball that has been read. Throws `image_broken` or `disk_full`; leaves nothing behind then. */
  ensureImage(image: StoredImage, heard?: (bytes: number) => void): Promise<void>;
  removeImage(fingerprint: string): Promise<void>;
  /** The folder of a volume: rootfs/, metadata.yaml, templates/, backup.yaml. */
  folder(name: string): string;
  create(name: string, image: StoredImage | undefined, map: IdMap): Promise<VolumeRecord>;
  /** A volume from a snapshot. `consume`: the snapshot was taken for this alone, and may be used up. */
  createFrom(name: string, snapshot: Content, map: IdMap, consume: boolean): Promise<VolumeRecord>;
  /** Another snapshot of the same content, which may be one of another pool's; shares what can be shared. */
  adopt(snapshot: Content, from: StorageDriver, map: IdMap): Promise<VolumeRecord>;
  /** Lends a snapshot, as the folder `at` of a room. */
  showSnapshot<T>(snapshot: Content, at: string, work: (lent: Lent) => Promise<T>): Promise<T>;
  /** Lends a volume that has files of its own as it is; `map`: that of the files on the disk. A guest is held still. */
  showVolume<T>(volume: Volume, map: IdMap, guest: LiveGuest | undefined, at: string, work: (lent: Lent) => Promise<T>): Promise<T>;
  /** Opens a workshop. Whoever gets snapshots of it writes them down, or discards them. */
  build(options: WorkshopOptions): Workshop;
  /** Mounts it as its record says: whoever looks at `rootfs` sees owners through `map`. Not for a volume that a guest runs on. */
  ensureMounted(volume: Volume, map: IdMap): Promise<void>;
  /** Changes the owners on the disk of a stopped instance's volume that is no overlay. What is interrupted can be done again. */
  shift(volume: Volume, from: IdMap, to: IdMap): Promise<void>;
  /**
   * Lets a volume hold so many bytes besides its image, or as many as fit. Throws `root_size_too_small` when it holds more, unless `full` lets
   * that be: nothing more can be written then. False where nothing limits it (`report` says why).
   */
  limit(volume: Volume, size: number | undefined, full: boolean): Promise<boolean>;
  snapshot(volume: Volume, map: IdMap, guest: LiveGuest | undefined, commit: CommitSnapshot): Promise<void>;
  /** Goes back to a snapshot. */
  restore(volume: Volume, snapshot: Content, map: IdMap, commit: CommitReplacement): Promise<void>;
  /** Begins anew with an image, or with nothing. */
  rebuild(volume: Volume, image: StoredImage | undefined, map: IdMap, commit: CommitReplacement): Promise<void>;
  /** Puts what was made ready in the place of what was there, and mounts it. Can be repeated. */
  replace(volume: Volume, replaceBy: string, map: IdMap): Promise<void>;
  /** Moves the folder of a stopped instance's volume. Can be repeated; `ensureMounted` is to follow. */
  rename(name: string, newName: string): Promise<void>;
  /** Also of what is only half there. */
  remove(name: string): Promise<void>;
  /** Removes folders of records that are no more: at once as far as anybody can see. */
  discard(ids: readonly string[]): Promise<void>;
  /** Removes all such folders that are not in use. */
  sweep(isUsed: (id: string) => boolean): void;
  /**
   * Lends what a snapshot holds, or the volume of this `name` when it is no overlay and nobody writes to it, for reading: with the guest's own
   * ids as owners where it is an overlay, else with those that it was shifted to.
   */
  lend<T>(record: VolumeRecord, name: string | undefined, work: (files: LentFiles) => Promise<T>): Promise<T>;
  /** Where the files lie that are this volume's alone. */
  ownFiles(volume: Volume): string;
  space(): Space;
  /** Unmounts all and removes the pool's folder. */
  destroy(): Promise<void>;
}
