// Pausing and resuming all processes of an instance.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

/** Throws `instance_not_running`, `instance_already_frozen` or `instance_not_frozen`. */
export async function setFrozen(ctx: Context, project: string, name: string, frozen: boolean, requestor?: Requestor): Promise<void> {
  const instance = ctx.instances.get(project, name);
  const running = ctx.runtime.get(systemNameOf(instance));
  if (!running) throw fail("instance_not_running", { name });
  if (running.frozen === frozen) throw fail(frozen ? "instance_already_frozen" : "instance_not_frozen");
  await running.cgroups.setFrozen(frozen);
  running.frozen = frozen;
  ctx.events.lifecycle({ action: frozen ? "instance-paused" : "instance-resumed", source: instanceUrl(instance), ...(requestor ? { requestor } : {}) }, project);
}
