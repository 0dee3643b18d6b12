// What a daemon that starts clears away of nics: those that were half plugged in, and rules of those that are gone.
import { explain, log } from "../../log.ts";
import type { DeviceCall, Guest } from "../device.ts";
import { removeStaleRules } from "./firewall.ts";
import { nicDevice } from "./index.ts";
import { unaccounted } from "./plugs.ts";

/** Takes out what the last daemon was plugging in when it ended. `guest` is absent when the instance does not run. */
export async function unplugUnfinished(calls: readonly DeviceCall[], guest?: Guest): Promise<void> {
  for (const call of unaccounted(calls)) {
    log.info("removing a nic that was half plugged in", { instance: call.instance.systemName, device: call.name });
    if (guest) await nicDevice.detach?.(call, guest);
    await nicDevice.release?.(call);
  }
}

/** Rules whose interface is gone; a failure is no reason not to start. */
export async function sweepRules(): Promise<void> {
  await removeStaleRules().catch((error) => log.warn("rules of nics could not be looked through", { error: explain(error) }));
}
