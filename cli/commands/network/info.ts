// berth network info
import type { NetworkState } from "../../../server/api/networks.ts";
import { defineCommand, targetFlag } from "../../command.ts";
import { formatSize } from "../../output/units.ts";

export const networkInfoCommand = defineCommand({
  name: "info",
  usage: "<network>",
  summary: "Get runtime information on networks",
  args: [1, 1],
  flags: { target: targetFlag },
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "network");
    ctx.write(renderNetwork(name, await server.client.getNetworkState({ name })));
  },
});

export function renderNetwork(name: string, state: NetworkState): string {
  const { addresses, counters, bridge } = state;
  const lines = [
    `Name: ${name}`, `MAC address: ${state.hwaddr}`, `MTU: ${state.mtu}`, `State: ${state.state}`, `Type: ${state.type}`,
    ...(addresses?.length
      ? ["", "IP addresses:", ...addresses.map((it) => `  ${it.family}\t${it.address}/${it.netmask} (${it.scope})`)]
      : []),
    "", "Network usage:",
    `  Bytes received: ${formatSize(counters.bytes_received)}`,
    `  Bytes sent: ${formatSize(counters.bytes_sent)}`,
    `  Packets received: ${counters.packets_received}`,
    `  Packets sent: ${counters.packets_sent}`,
  ];
  if (bridge) {
    lines.push(
      "", "Bridge:", `  ID: ${bridge.id}`, `  STP: ${bridge.stp}`, `  Forward delay: ${bridge.forward_delay}`,
      `  Default VLAN ID: ${bridge.vlan_default}`, `  VLAN filtering: ${bridge.vlan_filtering}`,
      `  Upper devices: ${(bridge.upper_devices ?? []).join(", ")}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
