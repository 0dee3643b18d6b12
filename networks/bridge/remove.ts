// Takes a bridge away.
import type { Run } from "../../server/host/run.ts";
import { interfaceExists } from "./apply.ts";

/** Deletes the bridge, its addresses and routes with it; nothing happens when it is gone. Throws `tool_failed`. */
export async function removeBridge(name: string, run: Run): Promise<void> {
  if (!interfaceExists(name)) return;
  try {
    await run("ip", ["link", "del", "dev", name]);
  } catch (error) {
    if (interfaceExists(name)) throw error;
  }
}
