// The volumes that a pool is shown to have: those of instances and their snapshots. They come and go with them.
import { fail } from "../api/errors.ts";
import type { StorageVolume } from "../api/storage.ts";
import type { Context } from "../context.ts";
import { snapshotUrl } from "../instances/snapshots/view.ts";
import { instanceUrl } from "../instances/view.ts";
import { urlIn } from "../projects/url.ts";

const types: readonly string[] = ["container", "image", "custom", "virtual-machine"];

/** Throws `volume_type_unknown`. */
function assertType(type: string): void {
  if (!types.includes(type)) throw fail("volume_type_unknown", { type: type.slice(0, 80) });
}

/** In one project, or in those that `mayView` lets be seen. Throws `pool_not_found` or `volume_type_unknown`. */
export function listVolumes(ctx: Context, pool: string, project: string | undefined, mayView: (project: string) => boolean, type?: string): StorageVolume[] {
  if (type !== undefined) assertType(type);
  const { name } = ctx.pools.get(pool);
  if (type !== undefined && type !== "container") return [];
  return ctx.instances.list(project).filter((instance) => instance.pool === name && mayView(instance.project)).flatMap((instance) => {
    const about = { type: "container", content_type: "filesystem", config: {}, location: "none", project: instance.project };
    return [
      { name: instance.name, ...about, description: instance.description, used_by: [instanceUrl(instance)], created_at: instance.createdAt.toISOString() },
      ...ctx.snapshots.list(instance).map((one) => ({
        name: `${instance.name}/${one.name}`, ...about, description: one.description, used_by: [snapshotUrl(instance, one.name)], created_at: one.createdAt.toISOString(),
      })),
    ];
  });
}

/** Throws `volume_not_found` and what `listVolumes` does. */
export function getVolume(ctx: Context, pool: string, project: string, type: string, name: string): StorageVolume {
  const found = listVolumes(ctx, pool, project, () => true, type).find((volume) => volume.name === name);
  if (!found) throw fail("volume_not_found");
  return found;
}

export function volumeUrl(pool: string, { type, name, project }: StorageVolume): string {
  const [instance = "", snapshot] = name.split("/");
  return urlIn(project, `/1.0/storage-pools/${pool}/volumes/${type}/${instance}${snapshot === undefined ? "" : `/snapshots/${snapshot}`}`);
}
