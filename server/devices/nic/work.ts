// What each kind of nic does, in the words of device.ts.
import type { Config } from "../../api/schemas.ts";
import type { Undo } from "../../undo.ts";
import type { DeviceCall, DeviceParts, Guest } from "../device.ts";

export interface NicWork {
  prepare(call: DeviceCall, undo: Undo): Promise<DeviceParts>;
  /** Calls `note` once `volatile` says what it is about to make. */
  attach(call: DeviceCall, guest: Guest, note: () => void): Promise<void>;
  detach(call: DeviceCall, guest: Guest): Promise<void>;
  change(call: DeviceCall, before: Config, guest: Guest): Promise<boolean>;
  release(call: DeviceCall): Promise<void>;
  adopt(call: DeviceCall, guest: Guest, note: () => void): Promise<void>;
}
