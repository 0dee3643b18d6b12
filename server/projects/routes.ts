// The project endpoints.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Project, projectEndpoints } from "../api/projects.ts";
import { type Caller, mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { expandInstance } from "../instances/expanded.ts";
import type { Implementation } from "../http/implementation.ts";
import { changeProject, createProject, deleteProject, renameProject } from "./change.ts";
import { instancesIn } from "./check.ts";
import { usageOf } from "./limits.ts";
import { defaultProject, type ProjectRecord } from "./store.ts";
import { usersOfProject } from "./used-by.ts";

const urlOf = (name: string) => `/1.0/projects/${encodeURIComponent(name)}`;

export function projectRoutes(ctx: Context): Implementation<typeof projectEndpoints> {
  const view = (project: ProjectRecord): Project => ({ ...project, used_by: usersOfProject(ctx, project.name) });
  const find = (name: string, caller: Caller) => {
    if (!mayIn(caller, name, "view")) throw fail("forbidden");
    return ctx.projects.get(name);
  };
  const tell = (action: string, name: string, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `project-${action}`, source: urlOf(name), requestor, ...(context ? { context } : {}) }, name);

  return {
    listProjects: ({ query, caller }) => {
      const projects = ctx.projects.list().filter(({ name }) => mayIn(caller, name, "view"));
      return query.recursion === "1" ? projects.map(view) : projects.map(({ name }) => urlOf(name));
    },

    createProject: ({ body, requestor }) => {
      createProject(ctx, body);
      tell("created", body.name, requestor);
      return { location: urlOf(body.name) };
    },

    getProject: ({ params, caller }) => view(find(params.name, caller)),

    replaceProject: ({ params, body, requestor }) => {
      changeProject(ctx, params.name, body, false);
      tell("updated", params.name, requestor);
    },

    patchProject: ({ params, body, requestor }) => {
      changeProject(ctx, params.name, body, true);
      tell("updated", params.name, requestor);
    },

    renameProject: ({ params, body, requestor }) => {
      if (params.name === defaultProject) throw fail("project_default_fixed", { what: "renamed" });
      ctx.projects.get(params.name);
      return ctx.operations.start({
        description: "Renaming project", project: "",
        run: () => ctx.locks.run(`project:${params.name}`, async () => {
          renameProject(ctx, params.name, body.name);
          tell("renamed", body.name, requestor, { old_name: params.name });
        }),
      });
    },

    deleteProject: ({ params, requestor }) => {
      deleteProject(ctx, params.name);
      tell("deleted", params.name, requestor);
    },

    getProjectState: ({ params, caller }) => {
      const project = find(params.name, caller);
      const members = instancesIn(ctx, project.name).map((one) => ({ name: one.name, ...expandInstance(ctx, one) }));
      return { resources: usageOf(project, members, project.name === defaultProject ? ctx.networks.list().length : 0) };
    },
  };
}
