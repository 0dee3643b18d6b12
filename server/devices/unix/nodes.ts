// Device nodes in guests: each is made in the instance's folder, with the owner and mode that the guest is to see, and
// mounted at its path.
import { chmodSync, chownSync, closeSync, rmSync, writeFileSync } from "node:fs";
import { hasCode, makeNode, MOUNT_ATTR, openTree, PROPAGATION, S_IF, setMountAttributes } from "../../host/libc.ts";
import { cgroupLayout } from "../../lxc/cgroup.ts";
import { entry, type Line } from "../../lxc/render-config.ts";
import { log } from "../../log.ts";
import type { DeviceCall, Guest } from "../device.ts";
import { coldTarget } from "../cold-target.ts";
import { toHostId } from "../ids.ts";
import { deviceError, isIdentity, nodeFile, placeName, plug, stage, stagingFolder } from "../staging.ts";

export interface DeviceNode {
  /** Absolute, in the guest. */
  path: string;
  kind: "char" | "block";
  major: number;
  minor: number;
}

/** Makes the node and gives it as a detached mount. */
function openNode(call: DeviceCall, node: DeviceNode): number {
  const { options, map, name } = call;
  const [uid, gid] = [toHostId(map.uid, options["uid"] ?? "0"), toHostId(map.gid, options["gid"] ?? "0")];
  if (uid === undefined || gid === undefined) throw deviceError(name, '"uid" and "gid" must be ids that the guest has');
  const file = nodeFile(`${stagingFolder(call)}/${placeName(name, node.path)}`);
  rmSync(file, { force: true });
  makeNode(file, node.kind === "block" ? S_IF.BLK : S_IF.CHR, node.major, node.minor);
  chownSync(file, uid, gid);
  chmodSync(file, Number.parseInt(options["mode"] ?? "0660", 8));
  const tree = openTree(file);
  setMountAttributes(tree, { propagation: PROPAGATION.PRIVATE, clear: MOUNT_ATTR.NODEV }); // whatever $BERTH_DIR is mounted with
  return tree;
}

/** What a container that has a list of allowed devices must have on it; one with ids of its own has none. */
const rule = ({ kind, major, minor }: DeviceNode) => `${kind === "block" ? "b" : "c"} ${major}:${minor} rwm`;

/** Makes a node ready for a start. */
export function stageNode(call: DeviceCall, node: DeviceNode): Line[] {
  const target = coldTarget(call, node.path);
  const tree = openNode(call, node);
  try {
    const place = stage(call, node.path, tree, false);
    const allowed: Line[] = isIdentity(call.map) ? [[`lxc.cgroup${cgroupLayout().unified ? "2" : ""}.devices.allow`, rule(node)]] : [];
    return [...allowed, entry({ source: place, target: target.slice(1), options: "none bind,create=file" })];
  } finally {
    closeSync(tree);
  }
}

/** Brings a node to a guest that runs. */
export async function plugNode(call: DeviceCall, guest: Guest, node: DeviceNode): Promise<void> {
  const tree = openNode(call, node);
  try {
    if (isIdentity(call.map)) allow(call, guest, node);
    await plug(call, guest, node.path, tree, false);
  } finally {
    closeSync(tree);
  }
}

function allow(call: DeviceCall, guest: Guest, node: DeviceNode): void {
  const file = guest.cgroups.isUnified ? undefined : guest.cgroups.file("devices", "devices.allow");
  if (file === undefined) {
    log.warn("a privileged guest may use a device that was plugged in only from its next start on", { instance: call.instance.systemName, device: call.name });
    return;
  }
  try {
    writeFileSync(file, rule(node));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}
