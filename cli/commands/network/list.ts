// berth network list, list-leases and show
import type { Network } from "../../../server/api/networks.ts";
import { defineCommand, formatFlag, targetFlag } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { leaseShape, networkShape } from "../../output/shape.ts";
import { listedServer } from "../../remote.ts";

export const networkListCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List available networks",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const networks = (await server.client.listNetworks({ recursion: "1" })) as Network[];
      const rows = networks
        .filter((it) => it.type !== "loopback" && it.type !== "unknown")
        .map((it) => [
          it.name, it.type, it.managed ? "YES" : "NO", it.config?.["ipv4.address"] ?? "", it.config?.["ipv6.address"] ?? "",
          it.description, String((it.used_by ?? []).length), it.status.toUpperCase(),
        ]);
      const header = ["NAME", "TYPE", "MANAGED", "IPV4", "IPV6", "DESCRIPTION", "USED BY", "STATE"];
      return { header, rows: rows.sort(compareRows), raw: networks, shape: networkShape };
    });
  },
});

export const networkListLeasesCommand = defineCommand({
  name: "list-leases",
  usage: "<network>",
  summary: "List DHCP leases",
  args: [1, 1],
  flags: { format: formatFlag },
  async run(ctx, [network], flags) {
    const { server, name } = ctx.resolve(network, "network");
    await ctx.list(flags.format, async () => {
      const leases = await server.client.listNetworkLeases({ name });
      const rows = leases.map((it) => [it.hostname, it.hwaddr, it.address, it.type.toUpperCase()]);
      return { header: ["HOSTNAME", "MAC ADDRESS", "IP ADDRESS", "TYPE"], rows: rows.sort(compareRows), raw: leases, shape: leaseShape };
    });
  },
});

export const networkShowCommand = defineCommand({
  name: "show",
  usage: "<network>",
  summary: "Show network configurations",
  args: [1, 1],
  flags: { target: targetFlag },
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "network");
    const network = await server.client.getNetwork({ name });
    ctx.show({ ...network, used_by: [...(network.used_by ?? [])].sort() }, networkShape);
  },
});
