// What a storage driver does. The life of a volume: an image is made ready once in a pool (`ensureImage`);
// an instance's volume is made from it (`create`), and can be seen at `rootfs` from then on, also after the
// machine was restarted (`ensureMounted`), until it is deleted (`remove`). An image's part goes when neither
// the image nor a volume made from it is left (`removeImage`).
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

/** How a volume came to be; kept with its instance. */
export interface VolumeRecord {
  /** overlay: layers over the image; copy: files of its own, with the container's ids; empty: no image. */
  kind: "overlay" | "copy" | "empty";
  /** Fingerprint of the image below it; empty when there is none. */
  image: string;
}

export interface Volume extends VolumeRecord {
  pool: string;
  /** System name of the instance. */
  name: string;
}

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
  /** What users are shown of it among the pool's volatile keys. */
  report(): Record<string, string>;
  /** Whether an image is ready here; making it so can take long. */
  hasImage(fingerprint: string): boolean;
  /** Throws `image_broken` or `disk_full`; leaves nothing behind then. */
  ensureImage(image: StoredImage): Promise<void>;
  removeImage(fingerprint: string): Promise<void>;
  /** The folder of a volume: rootfs/, metadata.yaml, templates/, backup.yaml. */
  folder(name: string): string;
  create(name: string, image: StoredImage | undefined, map: IdMap): Promise<VolumeRecord>;
  /** Whoever looks at `rootfs` from then on sees owners through `map`; nobody may be using it when that changes. */
  ensureMounted(volume: Volume, map: IdMap): Promise<void>;
  /** Changes the owners on the disk of a stopped instance's volume that is no overlay. What is interrupted can be done again. */
  shift(volume: Volume, from: IdMap, to: IdMap): Promise<void>;
  rename(volume: Volume, newName: string, map: IdMap): Promise<void>;
  /** Also of what is only half there. */
  remove(name: string): Promise<void>;
  space(): Space;
  /** Unmounts all and removes the pool's folder. */
  destroy(): Promise<void>;
}
