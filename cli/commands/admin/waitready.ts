// berth admin waitready
import { defineCommand } from "../../command.ts";
import { CliError, hintOf, messageOf } from "../../errors.ts";

const interval = 200;

export const adminWaitreadyCommand = defineCommand({
  name: "waitready",
  summary: "Wait until the daemon is ready to process requests",
  args: [0, 0],
  flags: { timeout: { kind: "int", short: "t", description: "Number of seconds to wait before giving up" } },
  async run(ctx, _args, flags) {
    const server = ctx.serverOf("local");
    const deadline = flags.timeout > 0 ? Date.now() + flags.timeout * 1000 : Number.POSITIVE_INFINITY;
    for (;;) {
      const error = await server.client.getServer().then(() => undefined, (cause: unknown) => cause);
      if (error === undefined) return;
      if (Date.now() + interval > deadline) {
        throw new CliError(`Berth is still not running after ${flags.timeout}s timeout (${messageOf(error)})`, { hint: hintOf(error), cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  },
});
