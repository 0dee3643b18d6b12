// The endpoints of instances' metadata and template files.
import type { metadataEndpoints } from "../../api/instance-metadata.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { bodyLimits, collectBody } from "../../http/body.ts";
import type { Implementation } from "../../http/implementation.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { metadataUrl } from "../view.ts";
import { mergeMetadata, readMetadata, writeMetadata } from "./document.ts";
import { deleteTemplate, listTemplates, readTemplate, templateNameOf, writeTemplate } from "./templates.ts";

export function metadataRoutes(ctx: Context): Implementation<typeof metadataEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.instances.get(ctx.projects.named(project), name);
  const folderOf = (instance: InstanceRecord) => ctx.pools.driver(instance.pool).folder(systemNameOf(instance));
  const tell = (instance: InstanceRecord, requestor: Requestor, what: string, template?: string) => ctx.events.lifecycle({
    action: `instance-metadata-${what}`, source: metadataUrl(instance, template === undefined ? "" : "/templates"), requestor,
    ...(template === undefined ? {} : { context: { path: template } }),
  }, instance.project);
  /** Changes what lies in an instance's folder once nothing else works on it: it may have been renamed or moved before. */
  const change = ({ project, name }: InstanceRecord, work: (instance: InstanceRecord, folder: string) => void | Promise<void>) =>
    ctx.locks.run(systemNameOf({ project, name }), async () => {
      const instance = ctx.instances.get(project, name);
      await work(instance, folderOf(instance));
    });

  return {
    getInstanceMetadata: ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      const metadata = readMetadata(folderOf(instance));
      tell(instance, requestor, "retrieved");
      return metadata;
    },

    replaceInstanceMetadata: ({ params, query, body, requestor }) => change(find(query.project, params.name), (instance, folder) => {
      writeMetadata(folder, instance, body);
      tell(instance, requestor, "updated");
    }),

    patchInstanceMetadata: ({ params, query, body, requestor }) => change(find(query.project, params.name), (instance, folder) => {
      writeMetadata(folder, instance, mergeMetadata(readMetadata(folder), body));
      tell(instance, requestor, "updated");
    }),

    getInstanceTemplate: async ({ params, query, requestor }) => {
      const instance = find(query.project, params.name);
      if (!query.path) return listTemplates(folderOf(instance));
      const name = templateNameOf(query.path);
      const reply = await readTemplate(folderOf(instance), name);
      tell(instance, requestor, "template-retrieved", name);
      return reply;
    },

    writeInstanceTemplate: async ({ params, query, body, requestor }) => {
      const found = find(query.project, params.name);
      const name = templateNameOf(query.path);
      const text = await collectBody(body, bodyLimits);
      await change(found, (instance, folder) => {
        writeTemplate(folder, name, text);
        tell(instance, requestor, "template-created", name);
      });
    },

    deleteInstanceTemplate: ({ params, query, requestor }) => {
      const found = find(query.project, params.name);
      const name = templateNameOf(query.path);
      return change(found, async (instance, folder) => {
        await deleteTemplate(folder, name);
        tell(instance, requestor, "template-deleted", name);
      });
    },
  };
}
