// Listing instances.
import type { Instance, InstanceFull } from "../api/instances.ts";
import { type Caller, mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { compileFilter } from "../filter.ts";
import { instanceUrl, viewFull, viewInstance } from "./view.ts";

export interface ListOptions {
  /** undefined: of all projects. */
  project: string | undefined;
  /** Is shown those of the projects that it may see. */
  caller: Caller;
  recursion: number;
  filter: string | undefined;
  noun: string;
}

export function listInstances(ctx: Context, options: ListOptions): string[] | Instance[] | InstanceFull[] {
  const { caller, project } = options;
  const records = ctx.instances.list(project).filter((record) => caller.admin || mayIn(caller, record.project, "view"));
  if (!options.filter?.trim()) {
    if (options.recursion <= 0) return records.map((record) => instanceUrl(record, options.noun));
    return records.map((record) => (options.recursion > 1 ? viewFull(ctx, record) : viewInstance(ctx, record)));
  }
  const matches = compileFilter(options.filter);
  const views = records.map((record) => ({ record, view: options.recursion > 1 ? viewFull(ctx, record) : viewInstance(ctx, record) }));
  const kept = views.filter(({ view }) => matches(view));
  return options.recursion <= 0 ? kept.map(({ record }) => instanceUrl(record, options.noun)) : kept.map(({ view }) => view);
}
