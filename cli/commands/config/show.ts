// berth config show and edit: of an instance, or of the server when none is named
import type { Instance } from "../../../server/api/instances.ts";
import { defineCommand, targetFlag } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { CliError } from "../../errors.ts";
import type { Context } from "../../context.ts";
import { instancePutShape, instanceShape, snapshotShape } from "../../output/shape.ts";
import { splitSnapshot } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";
import { fieldsOf, instancePutFrom, serverConfigFrom, snapshotPutFrom, writableInstance } from "../../writable.ts";

const serverPutShape = { struct: { config: "map" } } as const;

export const configShowCommand = defineCommand({
  name: "show",
  usage: "[<instance>[/<snapshot>]]",
  summary: "Show instance or server configurations",
  args: [0, 1],
  flags: { expanded: { kind: "bool", short: "e", description: "Show the expanded configuration" }, target: targetFlag },
  async run(ctx, args, flags) {
    const { server, name } = ctx.resolve(args[0]);
    if (name === "") {
      if (flags.expanded) throw new CliError("--expanded cannot be used with a server");
      return ctx.show({ config: (await server.client.getServer()).config ?? {} }, serverPutShape);
    }
    const { instance: owner, snapshot } = splitSnapshot(name);
    if (snapshot !== undefined) {
      const shown = await server.client.getSnapshot({ name: owner, snapshot });
      return ctx.show(flags.expanded ? { ...shown, config: shown.expanded_config, devices: shown.expanded_devices } : shown, snapshotShape);
    }
    const instance = await server.client.getInstance({ name });
    const expanded = flags.expanded ? { config: instance.expanded_config, devices: instance.expanded_devices } : {};
    ctx.show({ ...writableInstance(instance), ...expanded }, instancePutShape);
  },
});

export const configEditCommand = defineCommand({
  name: "edit",
  usage: "[<instance>[/<snapshot>]]",
  summary: "Edit instance or server configurations as YAML",
  examples: `berth config edit <instance> < instance.yaml
    Update the instance configuration from config.yaml.`,
  args: [0, 1],
  flags: { target: targetFlag },
  async run(ctx, args) {
    const { server, name } = ctx.resolve(args[0]);
    if (name === "") {
      return editDocument(ctx, server, {
        read: async () => ({ config: (await server.client.getServer()).config ?? {} }),
        shape: serverPutShape,
        help: "",
        parse: (document) => ({ config: serverConfigFrom(fieldsOf(document)["config"]) }),
        write: (body, headers) => server.client.replaceServerConfig({ body, headers }),
      });
    }
    const { instance, snapshot } = splitSnapshot(name);
    if (snapshot !== undefined) return editSnapshot(ctx, server, instance, snapshot);
    await editDocument(ctx, server, {
      read: async () => withoutExpanded(await server.client.getInstance({ name })),
      shape: instanceShape,
      help: instanceHelp,
      parse: instancePutFrom,
      write: async (body, headers) => server.follow(await server.client.replaceInstance({ name, body, headers })),
    });
  },
});

/** Of a snapshot only the time can be changed at which it expires. */
function editSnapshot(ctx: Context, server: Server, name: string, snapshot: string): Promise<void> {
  return editDocument(ctx, server, {
    read: async () => withoutExpanded(await server.client.getSnapshot({ name, snapshot })),
    shape: snapshotShape,
    help: instanceHelp,
    parse: snapshotPutFrom,
    write: async (body, headers) => server.follow(await server.client.replaceSnapshot({ name, snapshot, body, headers })),
  });
}

const instanceHelp = `### This is a YAML representation of the configuration.
### Any line starting with a '# will be ignored.
###
### A sample configuration looks like:
### name: instance1
### profiles:
### - default
### config:
###   volatile.eth0.hwaddr: 00:16:3e:e9:f8:7f
### devices:
###   homedir:
###     path: /extra
###     source: /home/user
###     type: disk
### ephemeral: false
###
### Note that the name is shown but cannot be changed`;

function withoutExpanded<T extends Pick<Instance, "expanded_config" | "expanded_devices">>({ expanded_config, expanded_devices, ...rest }: T) {
  return rest;
}
