// berth admin shutdown
import { readFileSync } from "node:fs";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";

const interval = 50;

export const adminShutdownCommand = defineCommand({
  name: "shutdown",
  summary: "Tell the daemon to shutdown all instances and exit",
  description: `Tell the daemon to shutdown all instances and exit

Instances are asked to stop in the order of boot.stop.priority, and those that take longer than
their boot.host_shutdown_timeout are killed. All of them start again with the daemon.`,
  args: [0, 0],
  flags: {
    force: { kind: "bool", short: "f", description: "Force shutdown instead of waiting for running operations to finish" },
    timeout: { kind: "int", short: "t", description: "Number of seconds to wait before giving up" },
  },
  async run(ctx, _args, flags) {
    const server = ctx.serverOf("local");
    const pid = (await server.client.getServer()).environment?.server_pid ?? 0;
    let failed: unknown;
    void server.client.shutDown(flags.force ? { force: "true" } : {}).catch((error: unknown) => {
      if (isAlive(pid)) failed = error; // otherwise it ended before it could answer
    });
    const deadline = flags.timeout > 0 ? Date.now() + flags.timeout * 1000 : Number.POSITIVE_INFINITY;
    while (isAlive(pid)) {
      if (failed) throw failed;
      if (Date.now() > deadline) throw new CliError(`Berth is still running after ${flags.timeout}s timeout`, { hint: "It goes on stopping its instances." });
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  },
});

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
