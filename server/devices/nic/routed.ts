// What a routed nic asks of the host before there can be one.
import type { DeviceCall } from "../device.ts";
import { deviceFailure } from "./failure.ts";
import { probeAddresses } from "./probe.ts";
import { readSetting, writeSetting } from "./settings.ts";
import { parentOf } from "./vlan.ts";

const isOn = (path: string): boolean => readSetting(path) === "1";

/**
 * Throws `device_start_failed` when the host would not pass packets on, or not answer for the guest on the parent's
 * network: these are settings of the machine's own interfaces, which are its administrator's. On a VLAN's interface that
 * Berth made they are set.
 */
export async function assertRoutable(call: DeviceCall): Promise<void> {
  const { options, volatile } = call;
  const parent = parentOf(options);
  if (!parent) return;
  const needed = [
    ...(options["ipv4.address"] ? [`ipv4/conf/${parent}/forwarding`] : []),
    ...(options["ipv6.address"] ? ["ipv6/conf/all/forwarding", "ipv6/conf/all/proxy_ndp", `ipv6/conf/${parent}/forwarding`, `ipv6/conf/${parent}/proxy_ndp`] : []),
  ];
  if (volatile["last_state.created"] === "true") {
    for (const path of needed.filter((one) => one.includes(`/${parent}/`))) writeSetting(path, "1");
  }
  const missing = needed.find((path) => !isOn(path));
  if (missing) {
    // sysctl writes the dots of a name as slashes, and the slashes between names as dots.
    const name = `net.${missing.replace(/[./]/g, (char) => (char === "." ? "/" : "."))}`;
    throw deviceFailure(call, `Routed mode requires sysctl ${name}=1`, `sysctl -w ${name}=1`);
  }
  const taken = await probeAddresses(options, parent);
  if (taken) throw deviceFailure(call, `IP address "${taken}" in use on parent network "${parent}"`);
}
