// The backup endpoints.
import type { backupEndpoints } from "../../api/backups.ts";
import type { Context } from "../../context.ts";
import { fileReply } from "../../http/replies.ts";
import type { Implementation } from "../../http/implementation.ts";
import { instanceResources } from "../view.ts";
import { checkBackupName, createBackup, planBackup } from "./create.ts";
import { backupUrl, viewBackup } from "./view.ts";

export function backupRoutes(ctx: Context): Implementation<typeof backupEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.instances.get(ctx.projects.named(project), name);
  const findBoth = (project: string | undefined, name: string, backup: string) => {
    const instance = find(project, name);
    return { instance, backup: ctx.backups.store.get(instance, backup) };
  };

  return {
    listBackups: ({ params, query, noun }) => {
      const instance = find(query.project, params.name);
      const all = ctx.backups.store.list(instance);
      return query.recursion === "1" ? all.map(viewBackup) : all.map(({ name }) => backupUrl(instance, name, noun));
    },

    createBackup: ({ params, query, body, requestor }) => {
      const instance = find(query.project, params.name);
      const plan = planBackup(ctx, instance, body);
      return ctx.operations.start({
        description: "Backing up instance", project: instance.project, cancellable: true,
        resources: { ...instanceResources(instance), backups: [`/1.0/backups/${encodeURIComponent(plan.record.name)}`] },
        run: (operation) => createBackup(ctx, plan, operation, requestor),
      });
    },

    getBackup: ({ params, query }) => viewBackup(findBoth(query.project, params.name, params.backup).backup),

    renameBackup: ({ params, query, body, requestor }) => {
      const { instance, backup } = findBoth(query.project, params.name, params.backup);
      checkBackupName(body.name);
      ctx.backups.store.assertFree(instance.id, body.name);
      return ctx.operations.start({
        description: "Renaming instance backup", project: instance.project, resources: instanceResources(instance),
        run: async () => {
          ctx.backups.store.assertFree(instance.id, body.name);
          ctx.backups.store.save({ ...ctx.backups.store.get(instance, backup.name), name: body.name });
          ctx.events.lifecycle({
            action: "instance-backup-renamed", source: backupUrl(instance, body.name), requestor, context: { old_name: `${instance.name}/${backup.name}` },
          }, instance.project);
        },
      });
    },

    deleteBackup: ({ params, query, requestor }) => {
      const { instance, backup } = findBoth(query.project, params.name, params.backup);
      return ctx.operations.start({
        description: "Removing instance backup", project: instance.project, resources: { container: [`/1.0/container/${instance.name}`] },
        run: async () => {
          ctx.backups.remove(ctx.backups.store.get(instance, backup.name));
          ctx.events.lifecycle({ action: "instance-backup-deleted", source: backupUrl(instance, backup.name), requestor }, instance.project);
        },
      });
    },

    exportBackup: async ({ params, query, requestor }) => {
      const { instance, backup } = findBoth(query.project, params.name, params.backup);
      const reply = await fileReply(ctx.backups.file(backup), backup.name);
      ctx.events.lifecycle({ action: "instance-backup-retrieved", source: backupUrl(instance, backup.name), requestor }, instance.project);
      return reply;
    },
  };
}
