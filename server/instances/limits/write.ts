// Writing settings into the cgroups of a running guest, each with the step that takes it back.
import { fail } from "../../api/errors.ts";
import { hasCode } from "../../host/libc.ts";
import { log } from "../../log.ts";
import type { ContainerCgroups } from "../../lxc/cgroup.ts";
import type { Undo } from "../../undo.ts";
import type { CgroupSetting } from "./settings.ts";
import { formatBytes } from "./values.ts";

export interface Change extends CgroupSetting {
  /** What stands there. */
  before: string;
}

/** What differs, in an order that the kernel takes. */
export function planChanges(before: readonly CgroupSetting[], after: readonly CgroupSetting[]): Change[] {
  const old = new Map(before.map((setting) => [setting.file, setting.value]));
  const changes = after.map((setting) => ({ ...setting, before: old.get(setting.file) ?? setting.unset })).filter((change) => change.value !== change.before);
  return swapFirstWhenRaised(changes, old);
}

const amount = (value: string | undefined) => (value === undefined || value === "-1" || value === "max" ? Number.POSITIVE_INFINITY : Number(value));

/** On v1 memory and swap together are never less than memory alone, at no moment. */
function swapFirstWhenRaised(changes: Change[], old: ReadonlyMap<string, string>): Change[] {
  const memory = changes.find(({ file }) => file === "memory.limit_in_bytes");
  const both = changes.find(({ file }) => file === "memory.memsw.limit_in_bytes");
  if (!memory || !both || amount(memory.value) <= amount(old.get(both.file))) return changes;
  return [both, ...changes.filter((change) => change !== both)];
}

/** Makes changes hold. Throws `limit_unavailable`, `limit_in_use` or `limit_refused`; `undo` then takes back those before it. */
export function writeChanges(cgroups: ContainerCgroups, changes: readonly Change[], undo: Undo): void {
  for (const change of changes) {
    if (!cgroups.has(change.controller, change.file)) {
      if (change.value !== change.unset) lacks(change, changes, cgroups);
      continue;
    }
    if (change.file === "memory.max") makeRoom(cgroups, change);
    try {
      cgroups.write(change.controller, change.file, change.value);
    } catch (error) {
      throw explainRefusal(cgroups, change, error);
    }
    undo.push(() => cgroups.write(change.controller, change.file, change.before));
  }
}

/** A file that is not there. One of several that say the same suffices. */
function lacks(change: Change, changes: readonly Change[], cgroups: ContainerCgroups): void {
  if (!change.optional) throw fail("limit_unavailable", { key: change.key, what: `its cgroups have no ${change.file}` });
  const others = changes.filter(({ key, value, file }) => key === change.key && value === change.value && file !== change.file);
  if (others.some(({ controller, file }) => cgroups.has(controller, file))) return;
  log.warn("a limit holds only in part: the kernel does not offer it", { key: change.key, file: change.file });
}

/** v2 would kill processes of the guest to get below a new limit. It is asked to free memory instead, and the limit refused when that is not enough. */
function makeRoom(cgroups: ContainerCgroups, { key, value }: Change): void {
  const excess = (cgroups.number("memory", "memory.current") ?? 0) - amount(value);
  if (excess <= 0) return;
  try {
    if (cgroups.has("memory", "memory.reclaim")) cgroups.write("memory", "memory.reclaim", String(excess));
  } catch (error) {
    if (!hasCode(error, "EAGAIN")) throw error; // not all of it could be freed
  }
  const { usage } = cgroups.memory();
  if (usage > amount(value)) throw inUse(key, value, usage);
}

const inUse = (key: string, value: string, usage: number, cause?: unknown) =>
  fail("limit_in_use", { key, limit: formatBytes(Number(value)), used: formatBytes(usage) }, cause);

function explainRefusal(cgroups: ContainerCgroups, { key, file, value }: Change, error: unknown): Error {
  if (hasCode(error, "EBUSY") && file.startsWith("memory.")) return inUse(key, value, cgroups.memory().usage, error);
  return fail("limit_refused", { key, value, file, reason: (error as NodeJS.ErrnoException).code ?? String(error) }, error);
}
