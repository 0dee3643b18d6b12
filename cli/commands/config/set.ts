// berth config get, set and unset: of an instance, or of the server when none is named
import type { Config } from "../../../server/api/schemas.ts";
import { defineCommand, targetFlag } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { readPairs } from "../../key-values.ts";
import type { Server } from "../../remotes/server.ts";
import { writableInstance } from "../../writable.ts";

export const configGetCommand = defineCommand({
  name: "get",
  usage: "[<instance>] <key>",
  summary: "Get values for instance or server configuration keys",
  args: [1, 2],
  flags: { expanded: { kind: "bool", short: "e", description: "Access the expanded configuration" }, target: targetFlag },
  async run(ctx, args, flags) {
    const { server, name } = ctx.resolve(args.length > 1 ? args[0] : "");
    const key = args.at(-1) ?? "";
    if (name !== "") {
      const instance = await server.client.getInstance({ name });
      return ctx.print((flags.expanded ? instance.expanded_config : instance.config)[key] ?? "");
    }
    if (flags.expanded) throw new CliError("--expanded cannot be used with a server");
    const { config } = await server.client.getServer();
    ctx.print(String(config?.[key] ?? ""));
  },
});

export const configSetCommand = defineCommand({
  name: "set",
  usage: "[<instance>] <key>=<value>...",
  summary: "Set instance or server configuration keys",
  description: `Set instance or server configuration keys

For backward compatibility, a single configuration key may still be set with:
    berth config set [<instance>] <key> <value>`,
  examples: `berth config set <instance> limits.cpu=2
    Will set a CPU limit of "2" for the instance.

berth config set core.https_address=[::]:8443
    Will have Berth listen on IPv4 and IPv6 port 8443.`,
  args: [1, -1],
  flags: { target: targetFlag },
  async run(ctx, args) {
    const { target, pairs } = splitTarget(args);
    const { server, name } = ctx.resolve(target);
    const keys = await readPairs(ctx, pairs);
    if (name === "") await changeServer(server, (config) => ({ ...config, ...keys }));
    else await changeInstance(server, name, (config) => ({ ...config, ...keys }));
  },
});

export const configUnsetCommand = defineCommand({
  name: "unset",
  usage: "[<instance>] <key>",
  summary: "Unset instance or server configuration keys",
  args: [1, 2],
  flags: { target: targetFlag },
  async run(ctx, args) {
    const { server, name } = ctx.resolve(args.length > 1 ? args[0] : "");
    const key = args.at(-1) ?? "";
    if (name === "") return changeServer(server, (config) => ({ ...config, [key]: "" }));
    await changeInstance(server, name, ({ [key]: value, ...others }) => {
      if (value === undefined) throw new CliError(`Can't unset key '${key}', it's not currently set`);
      return others;
    });
  },
});

/** Whether the first argument names an instance or is the server's first key. */
export function splitTarget(args: readonly string[]): { target: string; pairs: string[] } {
  const [first = "", ...others] = args;
  const isServer = args.every((arg) => arg.includes("=")) || /^[^:]*\./.test(first) || (args.length === 2 && !args.some((arg) => arg.includes("=")));
  return isServer ? { target: "", pairs: [...args] } : { target: first, pairs: others };
}

async function changeInstance(server: Server, name: string, change: (config: Config) => Config): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getInstance({ name }));
  const body = { ...writableInstance(value), config: change(value.config) };
  await server.follow(await server.client.replaceInstance({ name, body, headers }));
}

async function changeServer(server: Server, change: (config: Record<string, unknown>) => Record<string, unknown>): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getServer());
  await server.client.replaceServerConfig({ headers, body: { config: change(value.config ?? {}) } });
}
