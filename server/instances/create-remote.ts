// Making an instance of another server's image, which is fetched and kept first.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { InstancesPost } from "../api/instances.ts";
import type { Context } from "../context.ts";
import type { Operation } from "../operations/operation.ts";
import { assertContainer, createInstance, reserveInstance } from "./create.ts";
import { assertProfiles } from "./expanded.ts";
import { checkInstanceName, makeName } from "./name.ts";
import { fetchSource, readRemote } from "./source-image.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceResources } from "./view.ts";

/** Checks what can be before the download, which may take long; the name is taken after it, when all else is known. */
export function createFromRemote(
  ctx: Context, project: string, post: InstancesPost, source: NonNullable<InstancesPost["source"]>, created: (instance: InstanceRecord) => void, requestor: Requestor,
): Operation {
  assertContainer(post.type);
  const isTaken = (name: string) => ctx.instances.find(project, name) !== undefined;
  const name = post.name || makeName(isTaken);
  checkInstanceName(name);
  if (isTaken(name)) throw fail("instance_exists", { name });
  assertProfiles(ctx, project, post.profiles ?? []);
  const wanted = readRemote(ctx, project, source);
  return ctx.operations.start({
    description: "Creating instance", project, resources: instanceResources({ project, name }), cancellable: true,
    run: async (operation) => {
      const reservation = reserveInstance(ctx, project, { ...post, name, source: await fetchSource(ctx, wanted, operation, requestor) });
      await ctx.locks.run(systemNameOf(reservation.instance), () => createInstance(ctx, reservation, (metadata) => operation.update(metadata)));
      created(reservation.instance);
    },
  });
}
