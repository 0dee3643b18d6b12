// Gives a failure its meaning: this device could not be made.
import { BerthError, fail, isCode } from "../../api/errors.ts";
import type { DeviceCall } from "../device.ts";

/** The `device_start_failed` of a device, with a reason: a sentence, or what a tool threw. A missing tool keeps its own error. */
export function deviceFailure(call: Pick<DeviceCall, "name">, cause: unknown, hint = ""): BerthError {
  if (isCode(cause, "tool_missing") || isCode(cause, "device_start_failed")) return cause;
  const reason = isCode(cause, "tool_failed") ? `${cause.details["tool"]}: ${cause.details["reason"]}` : cause instanceof Error ? cause.message : String(cause);
  return fail("device_start_failed", { device: call.name, reason, hint }, typeof cause === "string" ? undefined : cause);
}
