// Changing an instance's configuration. What a running instance cannot take in holds from its next start.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { InstancePut } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { checkDevices, checkOwnDevices } from "../devices/check.ts";
import { assertFitsProject } from "../projects/check.ts";
import { applyInstance, assertPoolKept, assertRootKept } from "./apply.ts";
import { takeArchitecture } from "./architecture.ts";
import { checkInstanceConfig, givenMacs } from "./config.ts";
import { dropVolatile } from "./create.ts";
import { findReferences } from "./devices.ts";
import { assertProfiles, deviceWorld, expandInstance } from "./expanded.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

export interface UpdateOptions {
  /** Merge what a client sent (PATCH), rather than take it in place of what is (PUT). */
  patch: boolean;
  /** The client has shown by an ETag that it knows the instance as it is now. */
  current: boolean;
}

/** The caller holds the lock. */
export async function updateInstance(ctx: Context, project: string, name: string, put: InstancePut, { patch, current }: UpdateOptions, requestor: Requestor): Promise<void> {
  const instance = ctx.instances.get(project, name);
  if (put.restore) throw fail("bad_request", { reason: "A snapshot is restored by a PUT with \"restore\"" });
  const before = expandInstance(ctx, instance);
  const next = merge(instance, patch ? put : withoutOldNotes(instance, put, current), patch);
  assertProfiles(ctx, project, next.profiles);
  assertPoolKept(instance, expandInstance(ctx, next)); // before anybody says that there is no such pool
  const macs = givenMacs(next.config, instance.config);
  const [taken] = ctx.runtime.get(systemNameOf(instance)) ? Object.keys(macs) : [];
  if (taken) throw fail("invalid_config_value", { key: taken, reason: "the instance uses its address: stop it first" });
  next.config = { ...checkInstanceConfig(next.config, { ...instance.config, ...macs }), ...keptVolatile(instance), ...macs };
  next.devices = checkOwnDevices(next.devices, deviceWorld(ctx, project));
  const expanded = expandInstance(ctx, next);
  checkDevices(expanded.devices, deviceWorld(ctx, project));
  assertRootKept(instance, expanded);
  assertFitsProject(ctx, next); // before anything is looked for on the host
  findReferences(ctx, project, expanded.devices, before.devices);
  await applyInstance(ctx, next, before, () => ctx.instances.save(next));
  ctx.events.lifecycle({ action: "instance-updated", source: instanceUrl(next), requestor }, project);
}

function merge(instance: InstanceRecord, put: InstancePut, patch: boolean): InstanceRecord {
  return {
    ...instance,
    config: patch ? { ...instance.config, ...put.config } : (put.config ?? (put.devices || put.profiles ? {} : instance.config)),
    devices: patch ? { ...instance.devices, ...put.devices } : (put.devices ?? (put.config || put.profiles ? {} : instance.devices)),
    profiles: put.profiles ?? (patch || !(put.config || put.devices) ? instance.profiles : []), // clients send no list for an empty one
    description: put.description ?? (patch ? instance.description : ""),
    ephemeral: put.ephemeral ?? instance.ephemeral,
    architecture: put.architecture && put.architecture !== instance.architecture ? takeArchitecture(put.architecture) : instance.architecture,
  };
}

/**
 * What a client sends back of Berth's notes may be old: pylxd keeps instances in memory and writes them without an ETag. LXD's client
 * writes to a refreshed copy all that its source has, with the notes on that one. Neither means to change notes, but for MAC addresses.
 */
function withoutOldNotes(instance: InstanceRecord, put: InstancePut, current: boolean): InstancePut {
  const uuid = put.config?.["volatile.uuid"];
  const isAnothers = uuid !== undefined && uuid !== instance.config["volatile.uuid"];
  if (!put.config || (current && !isAnothers)) return put;
  return { ...put, config: { ...dropVolatile(put.config), ...(isAnothers ? {} : givenMacs(put.config, instance.config)) } };
}

/** What Berth remembers of an instance survives a client that does not send it back. */
function keptVolatile(instance: InstanceRecord): Record<string, string> {
  return Object.fromEntries(Object.entries(instance.config).filter(([key]) => key.startsWith("volatile.")));
}
