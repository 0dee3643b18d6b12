// Instances as clients see them.
import { statusCodes } from "../api/envelope.ts";
import type { Instance, InstanceFull } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { urlIn } from "../projects/url.ts";
import { expandInstance } from "./expanded.ts";
import { viewBackup } from "./backups/view.ts";
import { viewSnapshots } from "./snapshots/view.ts";
import { readState, statusOf } from "./state.ts";
import type { InstanceRecord } from "./store.ts";

/** What LXD says, though elsewhere `zeroTime` stands for never. */
const neverUsed = "1970-01-01T00:00:00Z";

export function viewInstance(ctx: Context, instance: InstanceRecord): Instance {
  const expanded = expandInstance(ctx, instance);
  const status = statusOf(ctx, instance);
  return {
    architecture: instance.architecture,
    config: instance.config,
    devices: instance.devices,
    ephemeral: instance.ephemeral,
    profiles: instance.profiles,
    stateful: false,
    description: instance.description,
    created_at: instance.createdAt.toISOString(),
    expanded_config: expanded.config,
    expanded_devices: expanded.devices,
    name: instance.name,
    status,
    status_code: statusCodes[status],
    last_used_at: instance.lastUsedAt?.toISOString() ?? neverUsed,
    location: "none",
    type: "container",
    project: instance.project,
  };
}

export function viewFull(ctx: Context, instance: InstanceRecord): InstanceFull {
  return { ...viewInstance(ctx, instance), backups: viewBackups(ctx, instance), state: readState(ctx, instance), snapshots: viewSnapshots(ctx, instance) };
}

/** All of an instance's that are whole; null when it has none, as LXD has it. */
function viewBackups(ctx: Context, instance: InstanceRecord): InstanceFull["backups"] {
  const all = ctx.backups.store.list(instance);
  return all.length > 0 ? all.map(viewBackup) : null;
}

/** The URL of an instance, under the noun that the caller uses for it. */
export function instanceUrl({ name, project }: Pick<InstanceRecord, "name" | "project">, noun = "instances"): string {
  return urlIn(project, `/1.0/${noun}/${name}`);
}

/** Where its metadata and the templates are. */
export function metadataUrl(instance: Pick<InstanceRecord, "name" | "project">, below = ""): string {
  return urlIn(instance.project, `/1.0/instances/${instance.name}/metadata${below}`);
}

/** The URL of one of its log files. */
export function logUrl({ name, project }: Pick<InstanceRecord, "name" | "project">, file: string): string {
  return `/1.0/instances/${name}/logs/${encodeURIComponent(file)}${project === "default" ? "" : `?project=${encodeURIComponent(project)}`}`;
}

/** The resources of an operation on instances. */
export function instanceResources(...instances: Pick<InstanceRecord, "name" | "project">[]): Record<string, string[]> {
  return { instances: instances.map((one) => instanceUrl(one)), containers: instances.map((one) => instanceUrl(one, "containers")) };
}
