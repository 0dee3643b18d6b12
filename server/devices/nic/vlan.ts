// The interface of a VLAN on a parent, `PARENT.VLAN`: made when it is not there, and removed with the last nic on it.
import { existsSync } from "node:fs";
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import type { DeviceCall } from "../device.ts";
import { deviceFailure } from "./failure.ts";
import { runIp } from "./ip.ts";

/** The host's interface that a nic lies on: its parent, or the VLAN's on it. "" when there is none. */
export function parentOf(options: Config): string {
  const { network, parent = "", vlan } = options;
  return network || (parent && vlan && options["nictype"] !== "bridged" ? `${parent}.${vlan}` : parent);
}

/** Whether the host has an interface of that name. */
export const isThere = (name: string): boolean => name !== "" && existsSync(`/sys/class/net/${name}`);

/** Throws `device_start_failed` when its parent is not there. */
export function assertParent(call: DeviceCall): void {
  const parent = call.options["network"] || call.options["parent"] || "";
  if (parent && !isThere(parent)) throw deviceFailure(call, `Parent device "${parent}" doesn't exist`);
}

/** Interfaces of VLANs that Berth made, with the nics on each. */
const made = new Map<string, Set<string>>();
const idOf = ({ instance, name }: DeviceCall): string => `${instance.systemName}/${name}`;

/** Makes the VLAN's interface unless it is there; `last_state.created` tells whether Berth did. Throws `device_start_failed`. */
export async function ensureVlan(call: DeviceCall): Promise<void> {
  const { options, volatile } = call;
  const name = parentOf(options);
  if (!options["vlan"]) return;
  const users = made.get(name);
  if (isThere(name)) {
    users?.add(idOf(call));
    volatile["last_state.created"] = String(users !== undefined);
    return;
  }
  const gvrp = isTrue(options["gvrp"]) ? " gvrp on" : "";
  try {
    await runIp([`link add link ${options["parent"]} name ${name} type vlan id ${options["vlan"]}${gvrp}`, `link set dev ${name} up`]);
  } catch (error) {
    throw deviceFailure(call, error, "The kernel needs 8021q: modprobe 8021q");
  }
  made.set(name, new Set([idOf(call)]));
  volatile["last_state.created"] = "true";
}

/** A daemon that comes back knows again whose VLAN it is. */
export function adoptVlan(call: DeviceCall): void {
  if (!call.options["vlan"] || !isTrue(call.volatile["last_state.created"])) return;
  const users = made.get(parentOf(call.options)) ?? new Set();
  made.set(parentOf(call.options), users.add(idOf(call)));
}

/** Removes the VLAN's interface when Berth made it and no other nic lies on it. */
export async function releaseVlan(call: DeviceCall): Promise<void> {
  const { options, volatile } = call;
  const created = isTrue(volatile["last_state.created"]);
  delete volatile["last_state.created"];
  if (!options["vlan"] || !created) return;
  const name = parentOf(options);
  const users = made.get(name);
  users?.delete(idOf(call));
  if (users && users.size > 0) return;
  made.delete(name);
  if (isThere(name)) await runIp([`link del dev ${name}`]);
}
