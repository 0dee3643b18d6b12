// The instance endpoints. Each calls one verb of this folder.
import { fail } from "../api/errors.ts";
import type { instanceEndpoints } from "../api/instances.ts";
import type { ProjectAccess } from "../api/endpoint.ts";
import { type Caller, isForAll, mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { importBackup } from "./backups/import.ts";
import { changeState, concerns, isOpenEnded, readStateChange, stateDescriptions } from "./change-state.ts";
import { Consoles } from "./console/console.ts";
import { clearConsole, readConsole } from "./console/log.ts";
import { copyInstance, reserveCopy } from "./copy.ts";
import { assertContainer, createInstance, reserveInstance } from "./create.ts";
import { createFromRemote } from "./create-remote.ts";
import { assertDeletable, deleteInstance } from "./delete.ts";
import { execInstance } from "./exec/exec.ts";
import { readFile, readFileHead } from "./files/read.ts";
import { removeFile } from "./files/remove.ts";
import { guestPathOf } from "./files/request.ts";
import { writeFile } from "./files/write.ts";
import { listInstances } from "./list.ts";
import { limitsOfType } from "./instance-type.ts";
import { deleteLog, listLogs, readLog } from "./logs.ts";
import { receiveInstance } from "./migration/sink.ts";
import { sendInstance } from "./migration/source.ts";
import { assertMovable, moveInstance } from "./move.ts";
import { moveToProject, planProjectMove } from "./move-project.ts";
import { assertRebuildable, rebuildInstance } from "./rebuild.ts";
import { assertNameFree, renameInstance } from "./rename.ts";
import { restoreSnapshot } from "./snapshots/restore.ts";
import { readState } from "./state.ts";
import { fetchSource, findImage, isRemote, readRemote } from "./source-image.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { updateInstance } from "./update.ts";
import { instanceResources, instanceUrl, logUrl, viewFull, viewInstance } from "./view.ts";

export function instanceRoutes(ctx: Context): Implementation<typeof instanceEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.instances.get(ctx.projects.named(project), name);
  /** Another project that a request names besides its own. */
  const otherProject = (caller: Caller, project: string, access: ProjectAccess) => {
    if (!mayIn(caller, project, access)) throw fail("forbidden");
    return ctx.projects.named(project);
  };
  const consoles = new Consoles(ctx);

  return {
    listInstances: ({ query, noun, caller }) => {
      if (isForAll(query) && query.project) throw fail("bad_request", { reason: "Cannot specify a project when requesting all projects" });
      const project = isForAll(query) ? undefined : ctx.projects.named(query.project);
      const type = query["instance-type"] || (noun === "virtual-machines" ? "virtual-machine" : "container");
      if (type !== "container" && type !== "virtual-machine") throw fail("bad_request", { reason: "Invalid instance type" });
      return type === "virtual-machine" ? [] : listInstances(ctx, { project, caller, recursion: Number(query.recursion) || 0, filter: query.filter, noun });
    },

    createInstance: ({ query, body: post, upload, headers, requestor, caller, noun }) => {
      if (query.target) throw fail("bad_request", { reason: "Target only allowed when clustered" });
      if (noun === "virtual-machines") assertContainer(post.type || "virtual-machine");
      const project = ctx.projects.named(query.project);
      const header = (name: string) => headers[name] as string | undefined;
      if (upload) return importBackup(ctx, project, upload, { name: header("x-lxd-name"), pool: header("x-lxd-pool") }, requestor);
      const body = post.instance_type ? { ...post, config: { ...limitsOfType(post.instance_type), ...post.config } } : post;
      const created = (instance: InstanceRecord) => ctx.events.lifecycle({
        action: "instance-created", source: instanceUrl(instance), requestor, context: { type: "container", "storage-pool": instance.pool },
      }, instance.project);
      if (body.source?.type === "copy") {
        if (body.source.project) otherProject(caller, body.source.project, "view");
        const reservation = reserveCopy(ctx, project, body);
        const { source, snapshot, target, refresh } = reservation;
        const from = { ...source, name: snapshot === undefined ? source.name : `${source.name}/${snapshot}` };
        return ctx.operations.start({
          description: "Creating instance", project, resources: instanceResources(target, from),
          run: () => ctx.locks.runAll([systemNameOf(source), systemNameOf(target)], async () => {
            await copyInstance(ctx, reservation);
            if (!refresh) created(target);
          }),
        });
      }
      if (body.source?.type === "migration") return receiveInstance(ctx, project, body, requestor);
      if (isRemote(body.source)) return createFromRemote(ctx, project, body, body.source, created, requestor);
      const reservation = reserveInstance(ctx, project, body);
      const { instance } = reservation;
      return ctx.operations.start({
        description: "Creating instance", project: instance.project, resources: instanceResources(instance),
        run: (operation) => ctx.locks.run(systemNameOf(instance), async () => {
          await createInstance(ctx, reservation, (metadata) => operation.update(metadata));
          created(instance);
        }),
      });
    },

    changeInstancesState: ({ query, body, requestor, noun }) => {
      const project = ctx.projects.named(query.project);
      const change = readStateChange(body.state);
      const all = noun === "virtual-machines" ? [] : ctx.instances.list(project);
      const names = all.filter((instance) => concerns(ctx, instance, change.action)).map(({ name }) => name);
      return ctx.operations.start({
        description: stateDescriptions[change.action], openEnded: isOpenEnded(change), project, resources: { instances: names.map((name) => instanceUrl({ name, project })) },
        run: async () => {
          const results = await Promise.allSettled(names.map((name) => changeState(ctx, project, name, change, requestor)));
          const failed = results.flatMap((result, i) => (result.status === "rejected" ? [`${names[i]}: ${(result.reason as Error).message}`] : []));
          if (failed.length > 0) throw fail("bad_request", { reason: failed.join("\n") });
        },
      });
    },

    getInstance: async ({ params, query }) => {
      const instance = find(query.project, params.name);
      if (Number(query.recursion ?? 0) > 0) await ctx.diskUsage.refresh(ctx, instance);
      return Number(query.recursion ?? 0) > 0 ? viewFull(ctx, instance) : viewInstance(ctx, instance);
    },

    replaceInstance: ({ params, query, body, headers, requestor }) => {
      const instance = find(query.project, params.name);
      const { restore } = body;
      if (restore) {
        return ctx.operations.start({
          description: "Restoring snapshot", project: instance.project, resources: instanceResources(instance),
          run: () => restoreSnapshot(ctx, instance.project, instance.name, restore, body.stateful ?? false, requestor),
        });
      }
      return ctx.operations.start({
        description: "Updating instance", project: instance.project, resources: instanceResources(instance),
        run: () => ctx.locks.run(systemNameOf(instance), async () => updateInstance(ctx, instance.project, instance.name, body, { patch: false, current: Boolean(headers["if-match"]) }, requestor)),
      });
    },

    patchInstance: async ({ params, query, body, requestor }) => {
      const instance = find(query.project, params.name);
      await ctx.locks.run(systemNameOf(instance), async () => updateInstance(ctx, instance.project, instance.name, body, { patch: true, current: true }, requestor));
    },

    renameInstance: ({ params, query, body, requestor, caller }) => {
      const instance = find(query.project, params.name);
      const { project } = instance;
      const name = body.name || instance.name;
      const locks = [systemNameOf(instance), systemNameOf({ project, name })];
      if (body.migration && body.project && body.project !== project) {
        const to = { name, project: otherProject(caller, body.project, "edit"), instanceOnly: body.instance_only ?? body.container_only ?? false };
        if (body.pool && body.pool !== instance.pool) throw fail("bad_request", { reason: "An instance is moved to another pool and to another project one after the other" });
        planProjectMove(ctx, instance, to);
        return ctx.operations.start({
          description: "Migrating instance", project, resources: { instances: [instanceUrl(instance)] },
          run: () => ctx.locks.runAll([systemNameOf(instance), systemNameOf(to)], () => moveToProject(ctx, project, instance.name, to, requestor)),
        });
      }
      if (body.migration) {
        if (!body.pool && !body.project) return sendInstance(ctx, { instance, snapshot: undefined, post: body });
        const to = { name, pool: body.pool || instance.pool, instanceOnly: body.instance_only ?? body.container_only ?? false };
        assertMovable(ctx, instance, to);
        return ctx.operations.start({
          description: "Migrating instance", project, resources: { instances: [instanceUrl(instance)] },
          run: () => ctx.locks.runAll(locks, () => moveInstance(ctx, project, instance.name, to, requestor)),
        });
      }
      assertNameFree(ctx, project, name);
      return ctx.operations.start({
        description: "Renaming instance", project, resources: instanceResources(instance),
        run: () => ctx.locks.runAll(locks, () => renameInstance(ctx, project, instance.name, name, requestor)),
      });
    },

    rebuildInstance: ({ params, query, body, requestor }) => {
      const instance = find(query.project, params.name);
      const remote = isRemote(body.source) ? readRemote(ctx, instance.project, body.source) : undefined;
      const image = remote ? undefined : findImage(ctx, instance.project, body.source);
      assertRebuildable(ctx, instance);
      return ctx.operations.start({
        description: "Rebuilding instance", project: instance.project, resources: instanceResources(instance),
        run: async (operation) => {
          const used = remote ? findImage(ctx, instance.project, await fetchSource(ctx, remote, operation, requestor)) : image;
          await ctx.locks.run(systemNameOf(instance), () =>
            rebuildInstance(ctx, instance.project, instance.name, used, requestor, (metadata) => operation.update(metadata)));
        },
      });
    },

    deleteInstance: ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      assertDeletable(ctx, instance);
      return ctx.operations.start({
        description: "Deleting instance", project: instance.project, resources: instanceResources(instance),
        run: () => ctx.locks.run(systemNameOf(instance), () => deleteInstance(ctx, instance.project, instance.name, requestor)),
      });
    },

    getInstanceState: async ({ params, query }) => {
      const instance = find(query.project, params.name);
      await ctx.diskUsage.refresh(ctx, instance);
      return readState(ctx, instance);
    },

    changeInstanceState: ({ params, query, body, requestor }) => {
      const instance = find(query.project, params.name);
      const change = readStateChange(body);
      return ctx.operations.start({
        description: stateDescriptions[change.action], openEnded: isOpenEnded(change), project: instance.project, resources: { instances: [instanceUrl(instance)] },
        run: () => changeState(ctx, instance.project, instance.name, change, requestor),
      });
    },

    execInstance: ({ params, query, body, requestor }) => execInstance(ctx, ctx.projects.named(query.project), params.name, body, requestor),

    attachConsole: ({ params, query, body, requestor }) => consoles.attach(find(query.project, params.name), body, requestor),

    getConsoleLog: async ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      const reply = await readConsole(ctx.paths.logs(systemNameOf(instance)));
      ctx.events.lifecycle({ action: "instance-console-retrieved", source: instanceUrl(instance), requestor }, instance.project);
      return reply;
    },

    clearConsoleLog: ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      clearConsole(ctx.paths.logs(systemNameOf(instance)));
      ctx.events.lifecycle({ action: "instance-console-reset", source: instanceUrl(instance), requestor }, instance.project);
    },

    getInstanceFile: ({ params, query, requestor }) => readFile(ctx, find(query.project, params.name), guestPathOf(query.path), requestor),

    getInstanceFileHead: ({ params, query }) => readFileHead(ctx, find(query.project, params.name), guestPathOf(query.path)),

    writeInstanceFile: ({ params, query, body, headers, requestor }) =>
      writeFile(ctx, find(query.project, params.name), guestPathOf(query.path), headers, body, requestor),

    deleteInstanceFile: ({ params, query, requestor }) => removeFile(ctx, find(query.project, params.name), guestPathOf(query.path), requestor),

    listInstanceLogs: ({ params, query, noun }) => {
      const instance = find(query.project, params.name);
      return listLogs(ctx.paths.logs(systemNameOf(instance))).map((file) => `/1.0/${noun}/${instance.name}/logs/${file}`);
    },

    getInstanceLog: async ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      const reply = await readLog(ctx.paths.logs(systemNameOf(instance)), params.file);
      ctx.events.lifecycle({ action: "instance-log-retrieved", source: logUrl(instance, params.file), requestor }, instance.project);
      return reply;
    },

    deleteInstanceLog: ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      deleteLog(ctx.paths.logs(systemNameOf(instance)), params.file);
      ctx.events.lifecycle({ action: "instance-log-deleted", source: logUrl(instance, params.file), requestor }, instance.project);
    },
  };
}
