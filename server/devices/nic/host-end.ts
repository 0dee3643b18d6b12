// The host's end of a veth pair: kernel settings, port of the bridge, routes, rates and rules.
import { isTrue } from "../../api/config-keys/key.ts";
import type { DeviceCall } from "../device.ts";
import { announceNic, networkOf, type Reserved } from "./announce.ts";
import { applyNicRules } from "./firewall.ts";
import { ensureIp, forgetIp, runIp } from "./ip.ts";
import { kindOf } from "./kinds.ts";
import { macOf } from "./names.ts";
import { isPort, setIsolated, setPortVlans } from "./port.ts";
import { renderNeighbors, renderRoutedHost, renderRoutes, subnetsOf } from "./routes.ts";
import type { NicRules } from "./rules.ts";
import { listOf } from "./options.ts";
import { ratesOf, shape } from "./shaping.ts";
import { writeSetting } from "./settings.ts";
import { isThere, parentOf } from "./vlan.ts";

/** Where the routes to what is behind it lead. */
const routeDevice = ({ options, volatile }: DeviceCall): string => (kindOf(options) === "bridged" ? parentOf(options) : (volatile["host_name"] ?? ""));

/** Its nftables rules. */
export function hostEndRules(call: DeviceCall, reserved: Reserved): NicRules {
  const { options } = call;
  const egress = ratesOf(options).egress;
  if (kindOf(options) === "routed") return { reversePath: true, egress };
  return kindOf(options) === "bridged" ? { filter: filterOf(call, reserved), egress } : { egress };
}

function filterOf(call: DeviceCall, reserved: Reserved): NicRules["filter"] {
  const { options } = call;
  const [ipv4, ipv6] = [isTrue(options["security.ipv4_filtering"]), isTrue(options["security.ipv6_filtering"])];
  if (!ipv4 && !ipv6 && !isTrue(options["security.mac_filtering"])) return undefined;
  const sources = (family: "ipv4" | "ipv6", ...also: string[]) => {
    const address = reserved[family];
    return address ? [address, ...also, ...listOf(options[`${family}.routes`])] : [];
  };
  return { mac: macOf(call), ipv4: ipv4 ? sources("ipv4") : undefined, ipv6: ipv6 ? sources("ipv6", linkLocal(macOf(call))) : undefined };
}

/** The link-local address that follows from a MAC address. */
function linkLocal(mac: string): string {
  const bytes = mac.split(":").map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const group = (high: number, low: number) => ((high << 8) | low).toString(16);
  return `fe80::${group(a ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

function applySettings(call: DeviceCall, hostName: string): void {
  const { options } = call;
  const kind = kindOf(options);
  if (kind === "bridged") writeSetting(`ipv6/conf/${hostName}/disable_ipv6`, "1");
  writeSetting(`ipv6/conf/${hostName}/accept_ra`, "0");
  if (kind !== "routed") return;
  writeSetting(`ipv4/conf/${hostName}/rp_filter`, "1");
  for (const family of ["ipv4", "ipv6"]) {
    if (options[`${family}.address`]) writeSetting(`${family}/conf/${hostName}/forwarding`, "1");
  }
}

/** Lines of `ip` that a new host's end needs. */
function linesOf(call: DeviceCall, hostName: string): string[] {
  if (kindOf(call.options) === "routed") return renderRoutedHost(call.options, hostName);
  return renderRoutes("add", subnetsOf(call.options), routeDevice(call));
}

/** Makes all hold for a new pair. Throws `tool_failed`, `tool_missing`. */
export async function setUpHostEnd(call: DeviceCall): Promise<void> {
  const hostName = call.volatile["host_name"] ?? "";
  applySettings(call, hostName);
  if (kindOf(call.options) === "bridged") {
    if (isTrue(call.options["security.port_isolation"])) setIsolated(hostName, true);
    await setPortVlans(call.options, parentOf(call.options), hostName);
  }
  const lines = linesOf(call, hostName);
  // Routes want an interface that is up.
  if (lines.length > 0) await runIp([`link set dev ${hostName} up`, ...lines, ...renderNeighborsOf(call)]);
  const rates = ratesOf(call.options);
  await shape(hostName, rates.ingress, undefined);
  if (rates.egress) await applyNicRules(hostName, { egress: rates.egress });
}

const renderNeighborsOf = (call: DeviceCall): string[] => (kindOf(call.options) === "routed" ? renderNeighbors("replace", call.options) : []);

/** The same for a pair that is there already, with whatever of it. */
export async function ensureHostEnd(call: DeviceCall): Promise<void> {
  const hostName = call.volatile["host_name"] ?? "";
  applySettings(call, hostName);
  if (kindOf(call.options) === "bridged") {
    // A bridge that was made anew has lost its ports.
    if (!isPort(hostName)) await runIp([`link set dev ${hostName} master ${parentOf(call.options)}`]);
    setIsolated(hostName, isTrue(call.options["security.port_isolation"]));
    await setPortVlans(call.options, parentOf(call.options), hostName);
  }
  await ensureIp([...linesOf(call, hostName), ...renderNeighborsOf(call)]);
  const rates = ratesOf(call.options);
  if (rates.ingress) await shape(hostName, rates.ingress, "unknown");
  await applyNicRules(hostName, hostEndRules(call, announceNic(call)));
}

/** Takes away what does not go with the pair itself. */
export async function forgetRoutes(call: DeviceCall): Promise<void> {
  const { options, host } = call;
  if (kindOf(options) === "routed" && isThere(parentOf(options))) await forgetIp(renderNeighbors("del", options));
  const bridge = networkOf(host.networks, options) ?? parentOf(options);
  if (kindOf(options) === "bridged" && isThere(bridge)) await forgetIp(renderRoutes("del", subnetsOf(options), bridge));
}

/** Puts the routes in place of those that `before` led to it. */
export async function changeRoutes(call: DeviceCall, before: readonly string[]): Promise<void> {
  const now = subnetsOf(call.options);
  await forgetIp(renderRoutes("del", before.filter((subnet) => !now.includes(subnet)), routeDevice(call)));
  await runIp(renderRoutes("add", now.filter((subnet) => !before.includes(subnet)), routeDevice(call)));
}
