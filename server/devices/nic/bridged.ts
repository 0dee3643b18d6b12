// A nic on a bridge: a veth pair whose host end is a port of it.
import { randomBytes } from "node:crypto";
import type { DeviceCall, DeviceParts } from "../device.ts";
import { guestName } from "./names.ts";

export const macOf = ({ options, volatile }: Pick<DeviceCall, "options" | "volatile">): string =>
  (options["hwaddr"] || volatile["hwaddr"] || "").toLowerCase();

/** A MAC address of the range that containers have. */
export function makeMac(): string {
  return `00:16:3e:${randomBytes(3).toString("hex").replace(/..(?=.)/g, "$&:")}`;
}

export function announceBridged(call: DeviceCall): void {
  const { network } = call.options;
  if (!network) return;
  call.host.networks.setHost(network, `${call.instance.systemName}.${call.name}`, {
    mac: macOf(call), ipv4: call.options["ipv4.address"], ipv6: call.options["ipv6.address"], name: call.instance.hostname,
  });
}

export async function withdrawBridged({ host, options, instance, name }: DeviceCall): Promise<void> {
  if (options["network"]) await host.networks.removeHost(options["network"], `${instance.systemName}.${name}`);
}

export function prepareBridged(call: DeviceCall): DeviceParts {
  const { host, options, volatile } = call;
  const bridge = options["network"] || options["parent"] || "";
  const mtu = options["mtu"] || host.networks.find(bridge)?.config["bridge.mtu"];
  volatile["host_name"] = options["host_name"] || `veth${randomBytes(4).toString("hex")}`;
  announceBridged(call);
  return {
    nic: [
      ["type", "veth"], ["flags", "up"], ["link", bridge], ["name", guestName(call)], ["hwaddr", macOf(call)], ["veth.pair", volatile["host_name"]],
      ...(mtu ? [["mtu", mtu] as const] : []),
    ],
  };
}
