// What the types have in common that bring device nodes of the host's to guests. They differ in which nodes those are.
import type { Config } from "../../api/schemas.ts";
import type { KeyTable } from "../../api/config-keys/key.ts";
import type { DeviceCall, DeviceParts, DeviceType, DeviceWorld, Guest } from "../device.ts";
import { isComplete, listStaged, releaseStaged, unplug, unplugPath } from "../staging.ts";
import { unwatch } from "../watch.ts";
import { type DeviceNode, plugNode, stageNode } from "./nodes.ts";

export interface NodeType {
  options: KeyTable;
  fault(options: Config, world: DeviceWorld): string | undefined;
  /** The nodes that are there now. Throws `device_start_failed` when one that is required is not. */
  find(call: DeviceCall): DeviceNode[];
  /** Calls back when `find` may give something else. */
  follow?(call: DeviceCall, changed: () => void): void;
}

const id = { kind: "int", min: 0, max: 2 ** 32 - 2 } as const;
const octal = (value: string) => (/^[0-7]{3,4}$/.test(value) ? undefined : "expected an octal mode such as 0660");

export const ownerOptions: KeyTable = {
  gid: { type: id, description: "Group in the guest", default: "0" },
  mode: { type: { kind: "check", name: "mode", check: octal }, description: "Mode in the guest", default: "0660" },
  uid: { type: id, description: "Owner in the guest", default: "0" },
};

const stagedOf = ({ host, instance, name }: DeviceCall) => listStaged(host.paths.devices(instance.systemName), name);

/** A device type of these nodes. */
export function nodeDevice(type: NodeType): DeviceType {
  /** Plugs in what has come and takes out what has gone. */
  const follow = async (call: DeviceCall, guest: Guest) => {
    const nodes = type.find(call);
    const staged = stagedOf(call);
    for (const one of staged) {
      if (!nodes.some((node) => node.path === one.path) || !isComplete(one.place)) await unplugPath(call, guest, one, true);
    }
    const there = new Set(stagedOf(call).map((one) => one.path));
    for (const node of nodes) if (!there.has(node.path)) await plugNode(call, guest, node);
  };
  const listen = (call: DeviceCall) => type.follow?.(call, () => call.instance.later(call.name, follow));
  const attach = async (call: DeviceCall, guest: Guest) => {
    await follow(call, guest);
    listen(call);
  };
  return {
    options: type.options,
    fault: type.fault,
    prepare: (call): DeviceParts => ({ lines: type.find(call).flatMap((node) => stageNode(call, node)), started: () => listen(call) }),
    attach,
    async detach(call, guest) {
      unwatch(call.instance.systemName, call.name);
      await unplug(call, guest, true);
    },
    change: () => false,
    release(call) {
      unwatch(call.instance.systemName, call.name);
      releaseStaged(call);
    },
    adopt: attach,
  };
}
