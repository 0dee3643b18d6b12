// Mounting a volume of layers: idmapped copies of the image and of the pool's folder of layers, and an overlay over both.
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { mountIdmapped, mountOverlay, mountRawOverlay, removeMountPoint } from "../../host/mounts.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { isPrivileged, rootIds } from "../../lxc/idmap.ts";

export interface OverlayParts {
  /** The image's root file system. */
  image: string | undefined;
  /** The folder of the pool's layers. */
  layers: string;
  /** Names in it, topmost first. */
  below: readonly string[];
  own: string;
}

/** Mounts at `target` what the layers give, seen through the map. `helpers`: a folder for mounts that last a moment. */
export async function mountLayers(parts: OverlayParts, map: IdMap, target: string, helpers: string): Promise<void> {
  if (isPrivileged(map)) {
    const own = `${parts.layers}/${parts.own}`;
    withShortNames(parts.layers, parts.below, (below) => {
      mountOverlay({ lower: parts.image ? [...below, parts.image] : below, upper: `${own}/upper`, work: `${own}/work`, uid: 0, gid: 0, devices: true }, target);
    });
    return;
  }
  const namespace = await userNamespace(map);
  const [image, layers] = [`${helpers}.image`, `${helpers}.layers`];
  try {
    if (parts.image) mountHelper(parts.image, image, namespace);
    mountHelper(parts.layers, layers, namespace);
    withShortNames(layers, parts.below, (below) => {
      const lower = parts.image ? [...below, image] : below;
      mountOverlay({ lower, upper: `${layers}/${parts.own}/upper`, work: `${layers}/${parts.own}/work`, ...rootIds(map) }, target);
    });
  } finally {
    for (const helper of [image, layers]) removeMountPoint(helper); // the overlay holds copies of its own
  }
}

function mountHelper(source: string, target: string, namespace: number): void {
  mkdirSync(target, { recursive: true });
  mountIdmapped(source, target, namespace);
}

/** The kernel takes 4096 bytes of names: through a descriptor each needs few. */
function withShortNames(folder: string, ids: readonly string[], work: (lower: string[]) => void): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    work(ids.map((id) => `/proc/self/fd/${fd}/${id}/upper`));
  } finally {
    closeSync(fd);
  }
}

/** Shows at `target` the merged files of some layers over an image as they lie on the disk: read only, with the guest's own ids. */
export function mountRawLayers(parts: Omit<OverlayParts, "own">, target: string, empty: string): void {
  withShortNames(parts.layers, parts.below, (below) => {
    mountRawOverlay([...below, ...(parts.image ? [parts.image] : []), empty], target); // an overlay that nobody writes to needs two layers
  });
}

/** Lends them for a while. */
export async function withRawLayers<T>(parts: Omit<OverlayParts, "own">, helpers: string, work: (root: string) => Promise<T>): Promise<T> {
  const [root, empty] = [`${helpers}.raw`, `${helpers}.empty`];
  try {
    mkdirSync(root, { recursive: true });
    mkdirSync(empty, { recursive: true });
    mountRawLayers(parts, root, empty);
    return await work(root);
  } finally {
    for (const helper of [root, empty]) removeMountPoint(helper);
  }
}
