// Disks: the root file system, and files, folders and block devices of the host's.
import { closeSync } from "node:fs";
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { entry } from "../../lxc/render-config.ts";
import type { DeviceCall, DeviceParts, DeviceType, Guest } from "../device.ts";
import { coldTarget } from "../cold-target.ts";
import { cleanPath } from "../guest-path.ts";
import { isComplete, listStaged, plug, releaseStaged, stage, unplug } from "../staging.ts";
import { unwatch, watch } from "../watch.ts";
import { applyThrottles } from "./limits.ts";
import { diskFault, diskOptions, isRequired, isRoot, isTmpfs } from "./options.ts";
import { findSource, openSource, resizeTmpfs } from "./source.ts";

async function prepare(call: DeviceCall): Promise<DeviceParts> {
  const { options } = call;
  if (isRoot(options)) return {};
  const target = coldTarget(call, cleanPath(options["path"] ?? ""));
  const source = await openSource(call);
  const started = () => follow(call);
  if (!source) return { started };
  try {
    const place = stage(call, cleanPath(options["path"] ?? ""), source.tree, source.directory);
    const bind = isTrue(options["recursive"]) ? "rbind" : "bind";
    const propagation = options["propagation"]?.endsWith("unbindable") ? `,${options["propagation"]}` : "";
    const create = source.directory ? "dir" : "file";
    return { lines: [entry({ source: place, target: target.slice(1), options: `none ${bind}${propagation},create=${create}` })], started };
  } finally {
    closeSync(source.tree);
  }
}

async function attach(call: DeviceCall, guest: Guest): Promise<void> {
  if (isRoot(call.options) || isAttached(call)) return;
  const source = await openSource(call);
  try {
    if (source) await plug(call, guest, cleanPath(call.options["path"] ?? ""), source.tree, source.directory);
  } finally {
    if (source) closeSync(source.tree);
  }
  follow(call);
}

const stagedOf = ({ host, instance, name }: DeviceCall) => listStaged(host.paths.devices(instance.systemName), name);
const isAttached = (call: DeviceCall) => stagedOf(call).length > 0;

/** What a daemon that was killed had half done is done anew. */
async function adopt(call: DeviceCall, guest: Guest): Promise<void> {
  if (!stagedOf(call).every(({ place }) => isComplete(place))) await unplug(call, guest, false);
  await attach(call, guest);
  follow(call);
}

/** A source that need not be there is plugged in when it appears. */
function follow(call: DeviceCall): void {
  const { options, instance, name } = call;
  if (isRoot(options) || isTmpfs(options) || isRequired(options) || isAttached(call)) return unwatch(instance.systemName, name);
  watch(instance.systemName, name, options["source"] ?? "", () => instance.later(name, attach));
}

async function detach(call: DeviceCall, guest: Guest): Promise<void> {
  unwatch(call.instance.systemName, call.name);
  await unplug(call, guest, false);
}

/** These hold without taking the disk out. */
const light = (key: string) => key.startsWith("limits.") || key.startsWith("user.") || ["boot.priority", "required", "optional"].includes(key);

function change(call: DeviceCall, before: Config): boolean {
  const { options } = call;
  const changed = [...new Set([...Object.keys(before), ...Object.keys(options)])].filter((key) => before[key] !== options[key] && !light(key));
  if (isRoot(options) && isRoot(before)) return true;
  if (changed.some((key) => key !== "size" || !isTmpfs(options))) return false;
  if (changed.length > 0) for (const { place } of stagedOf(call)) resizeTmpfs(place, options["size"]);
  follow(call);
  return true;
}

export const diskDevice: DeviceType = {
  options: diskOptions,
  fault: diskFault,
  find: findSource,
  prepare,
  attach,
  detach,
  change,
  settled: applyThrottles,
  release(call) {
    unwatch(call.instance.systemName, call.name);
    releaseStaged(call);
  },
  adopt,
};
