// The snapshot endpoints.
import type { snapshotEndpoints } from "../../api/snapshots.ts";
import type { Context } from "../../context.ts";
import type { Call, Implementation } from "../../http/implementation.ts";
import type { Operation } from "../../operations/operation.ts";
import { sendInstance } from "../migration/source.ts";
import { instanceResources } from "../view.ts";
import { checkSnapshotPost, createSnapshot } from "./create.ts";
import { deleteSnapshot } from "./delete.ts";
import { parseExpiry } from "./expiry.ts";
import { assertSnapshotNameFree, renameSnapshot, setSnapshotExpiry } from "./rename.ts";
import { snapshotUrl, viewSnapshot } from "./view.ts";

export function snapshotRoutes(ctx: Context): Implementation<typeof snapshotEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.instances.get(ctx.projects.named(project), name);
  const findBoth = (project: string | undefined, name: string, snapshot: string) => {
    const instance = find(project, name);
    return { instance, snapshot: ctx.snapshots.get(instance, snapshot) };
  };
  const update = ({ params, query, body, requestor }: Call<(typeof snapshotEndpoints)["replaceSnapshot" | "patchSnapshot"]>): Operation => {
    const { instance, snapshot } = findBoth(query.project, params.name, params.snapshot);
    const expiry = body.expires_at;
    if (expiry) parseExpiry(expiry);
    return ctx.operations.start({
      description: "Updating snapshot", project: instance.project, resources: instanceResources({ ...instance, name: snapshot.name }),
      run: async () => {
        if (expiry) await setSnapshotExpiry(ctx, instance.project, instance.name, snapshot.name, parseExpiry(expiry), requestor);
      },
    });
  };

  return {
    listSnapshots: ({ params, query, noun }) => {
      const instance = find(query.project, params.name);
      const all = ctx.snapshots.list(instance);
      if (Number(query.recursion ?? 0) > 0) return all.map((snapshot) => viewSnapshot(ctx, instance, snapshot));
      return all.map(({ name }) => snapshotUrl(instance, name, noun));
    },

    createSnapshot: ({ params, query, body, requestor }) => {
      const instance = find(query.project, params.name);
      checkSnapshotPost(ctx, instance, body);
      return ctx.operations.start({
        description: "Snapshotting instance", project: instance.project, resources: instanceResources(instance),
        run: async () => void (await createSnapshot(ctx, instance.project, instance.name, body, requestor)),
      });
    },

    getSnapshot: ({ params, query }) => {
      const { instance, snapshot } = findBoth(query.project, params.name, params.snapshot);
      return viewSnapshot(ctx, instance, snapshot);
    },

    replaceSnapshot: update,

    patchSnapshot: update,

    renameSnapshot: ({ params, query, body, requestor }) => {
      const { instance, snapshot } = findBoth(query.project, params.name, params.snapshot);
      if (body.migration) return sendInstance(ctx, { instance, snapshot, post: body });
      const { name = "" } = body;
      assertSnapshotNameFree(ctx, instance, name);
      return ctx.operations.start({
        description: "Renaming snapshot", project: instance.project, resources: instanceResources(instance),
        run: () => renameSnapshot(ctx, instance.project, instance.name, snapshot.name, name, requestor),
      });
    },

    deleteSnapshot: ({ params, query, requestor }) => {
      const { instance, snapshot } = findBoth(query.project, params.name, params.snapshot);
      return ctx.operations.start({
        description: "Deleting snapshot", project: instance.project, resources: instanceResources({ ...instance, name: `${instance.name}/${snapshot.name}` }),
        run: () => deleteSnapshot(ctx, instance.project, instance.name, snapshot.name, requestor),
      });
    },
  };
}
