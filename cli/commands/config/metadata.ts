// berth config metadata: what an instance keeps of its image's metadata.yaml
import { defineCommand, type Group } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import type { Shape } from "../../output/shape.ts";
import { isTrue } from "../../../server/api/config-keys/key.ts";
import { configFrom, fieldsOf, textsFrom } from "../../writable.ts";
import { thingAt } from "../keyed.ts";
import type { Target } from "../../context.ts";

const template = { struct: { when: "list", create_only: "value", template: "value", properties: "map" } } as const;
const shape: Shape = { struct: { architecture: "value", creation_date: "value", expiry_date: "value", properties: "map", templates: { mapOf: template } } };

const thing = ({ server, name }: Target) => thingAt(server, `/1.0/instances/${encodeURIComponent(name)}/metadata`, "container_edit_metadata");

/** All of a YAML document's scalars are texts: times and truths are made of them. */
function metadataFrom(document: unknown): Record<string, unknown> {
  const { architecture = "", creation_date: made = "0", expiry_date: expiry = "0", properties, templates } = fieldsOf(document);
  const rendered = Object.entries(fieldsOf(templates)).map(([path, value]) => {
    const { when, create_only: once = "", template: file = "", properties: own } = fieldsOf(value);
    return [path, { when: textsFrom(when), create_only: isTrue(String(once)), template: String(file), properties: configFrom(own) }];
  });
  return {
    architecture: String(architecture), creation_date: Number(made), expiry_date: Number(expiry), properties: configFrom(properties), templates: Object.fromEntries(rendered),
  };
}

const edit = defineCommand({
  name: "edit", usage: "<instance>", summary: "Edit instance metadata files", args: [1, 1],
  async run(ctx, [argument]) {
    const { server, read, replace } = thing(ctx.resolve(argument, "instance"));
    await editDocument(ctx, server, {
      read, shape, parse: metadataFrom, write: replace,
      help: `### This is a YAML representation of the instance metadata.
### Any line starting with a '# will be ignored.
###
### A sample configuration looks like:
###
### architecture: x86_64
### creation_date: 1477146654
### expiry_date: 0
### properties:
###   architecture: x86_64
###   description: BusyBox x86_64
###   name: busybox-x86_64
###   os: BusyBox
### templates:
###   /template:
###     when:
###     - ""
###     create_only: false
###     template: template.tpl
###     properties: {}`,
    });
  },
});

const show = defineCommand({
  name: "show", usage: "<instance>", summary: "Show instance metadata files", args: [1, 1],
  run: async (ctx, [argument]) => ctx.show(await thing(ctx.resolve(argument, "instance")).read(), shape),
});

export const configMetadataGroup: Group = { name: "metadata", summary: "Manage instance metadata files", commands: [edit, show] };
