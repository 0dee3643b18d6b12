// berth console
import { defineCommand } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import type { Server } from "../../remotes/server.ts";

export const consoleCommand = defineCommand({
  name: "console",
  usage: "<instance>",
  summary: "Attach to instance consoles",
  description: `Attach to instance consoles

This command allows you to interact with the boot console of an instance
as well as retrieve past log entries from it.

Ctrl-a q leaves the console; Ctrl-a Ctrl-a types one Ctrl-a.`,
  args: [1, 1],
  flags: {
    force: { kind: "bool", short: "f", description: "End the session of whoever is attached" },
    "show-log": { kind: "bool", description: "Retrieve the instance's console log" },
    type: { kind: "string", short: "t", default: "console", description: "Type of connection to establish: 'console' for a text console" },
  },
  async run(ctx, [instance], flags) {
    const { server, name } = ctx.resolve(instance, "instance");
    if (flags["show-log"]) return showLog(ctx, server, name);
    return openConsole(ctx, { server, name }, flags.type, flags.force);
  },
});

async function showLog(ctx: Context, server: Server, name: string): Promise<void> {
  const log = await server.client.getConsoleLog({ name });
  ctx.print(`\nConsole log:\n\n${await log.text()}`);
}

/** Attaches our terminal to a console; resolves to the exit status. */
export async function openConsole(ctx: Context, target: Target, type: string, force = false): Promise<number> {
  const { attachConsole } = await import("../../console/session.ts");
  return attachConsole(ctx, target, { type, force });
}
