// berth import: an instance of a tarball
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";

export const importCommand = defineCommand({
  name: "import",
  usage: "[<remote>:] <backup file> [<instance name>]",
  summary: "Import instance backups",
  description: `Import backups of instances including their snapshots.`,
  examples: `berth import backup0.tar.gz
    Create a new instance using backup0.tar.gz as the source.`,
  args: [1, 3],
  flags: { storage: { kind: "string", short: "s", description: "Storage pool name" } },
  async run(ctx, args, { storage }) {
    const rest = args.length > 1 && args[0]?.endsWith(":") ? args.slice(1) : args;
    const [file = "", name, ...more] = rest;
    if (more.length > 0) throw new CliError("Invalid number of arguments");
    const { server } = ctx.resolve(rest === args ? undefined : args[0]);
    const { importInstance } = await import("./backup-file.ts");
    await importInstance(ctx, server, file, name, storage);
  },
});
