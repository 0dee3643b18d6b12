// Changing the host's end of a nic while its guest runs.
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import type { DeviceCall } from "../device.ts";
import { announceNic } from "./announce.ts";
import { applyNicRules } from "./firewall.ts";
import { changeRoutes, hostEndRules } from "./host-end.ts";
import { kindOf } from "./kinds.ts";
import { nicOptions } from "./options.ts";
import { setIsolated } from "./port.ts";
import { subnetsOf } from "./routes.ts";
import { ratesOf, shape } from "./shaping.ts";

/** The options that differ. */
function changed(options: Config, before: Config): string[] {
  return [...new Set([...Object.keys(options), ...Object.keys(before)])].filter((key) => options[key] !== before[key]);
}

/** Whether what differs can be changed in place. The addresses and routes of a routed nic are the guest's too: they cannot. */
export function isLive(options: Config, before: Config): boolean {
  const routed = kindOf(options) === "routed";
  return changed(options, before).every((key) =>
    key.startsWith("user.") || key === "boot.priority" || (nicOptions[key]?.live === true && !(routed && /^ipv/.test(key))));
}

/** Brings routes, rates, isolation and rules from `before` to what holds now. Throws `tool_failed`. */
export async function changeHostEnd(call: DeviceCall, before: Config): Promise<void> {
  const { options, volatile } = call;
  const hostName = volatile["host_name"] ?? "";
  const [had, has] = [ratesOf(before), ratesOf(options)];
  if (kindOf(options) !== "routed") await changeRoutes(call, subnetsOf(before));
  await shape(hostName, has.ingress, had.ingress);
  if (kindOf(options) === "bridged" && isTrue(options["security.port_isolation"]) !== isTrue(before["security.port_isolation"])) {
    setIsolated(hostName, isTrue(options["security.port_isolation"]));
  }
  await applyNicRules(hostName, hostEndRules(call, announceNic(call)), hostEndRules({ ...call, options: before }, { ipv4: undefined, ipv6: undefined }));
}
