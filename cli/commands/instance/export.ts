// berth export: an instance as a tarball
import { defineCommand } from "../../command.ts";

export const exportCommand = defineCommand({
  name: "export",
  usage: "<instance> [<target>]",
  summary: "Export instance backups",
  description: `Export instances as backup tarballs

The target defaults to backup.tar.gz, or what the compression is called; "-" is the standard output.`,
  examples: `berth export u1 backup0.tar.gz
    Download a backup tarball of the u1 instance.`,
  args: [1, 2],
  flags: {
    compression: { kind: "string", description: "Compression algorithm to use (none for uncompressed)" },
    "instance-only": { kind: "bool", description: "Whether or not to only backup the instance (without snapshots)" },
    "optimized-storage": { kind: "bool", description: "Use storage driver optimized format (can only be restored on a similar pool)", hidden: true },
  },
  async run(ctx, [from, to], values) {
    const { server, name } = ctx.resolve(from, "instance");
    const { exportInstance } = await import("./backup-file.ts");
    await exportInstance(ctx, server, name, to, values);
  },
});
