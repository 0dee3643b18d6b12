// Proxies: connections to one side that lead to the other, through the forwarder or by rules of the firewall.
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import type { IdRange } from "../../host/user-namespace.ts";
import { fail } from "../../api/errors.ts";
import type { DeviceCall, DeviceType, Guest } from "../device.ts";
import { parseAddress } from "./address.ts";
import { startOf } from "./forwarder/guest.ts";
import { assertNatTarget, labelOf, startNat, stopNat } from "./nat.ts";
import { bindOf, proxyFault, proxyOptions } from "./options.ts";
import type { ProxySpec } from "./spec.ts";

const keyOf = ({ instance, name }: DeviceCall): string => `${instance.systemName}/${name}`;
const isNat = ({ options }: Pick<DeviceCall, "options">): boolean => isTrue(options["nat"]);

/** The host's id of a guest's. Throws `invalid_device` for one that the guest does not have. */
function onHost(call: DeviceCall, ranges: readonly IdRange[], option: string): number {
  const id = Number(call.options[option] ?? 0);
  const range = ranges.find(({ inside, count }) => id >= inside && id < inside + count);
  if (!range) throw fail("invalid_device", { device: call.name, reason: `the instance has no id ${id} ("${option}")` });
  return range.outside + id - range.inside;
}

/** A user of one of the sides, by its host ids. */
function userOf(call: DeviceCall, side: "host" | "instance", uid: string, gid: string): ProxySpec["user"] {
  const { options, map } = call;
  const privileged = Number(options[uid] ?? 0) === 0;
  if (side === "host") return { uid: Number(options[uid] ?? 0), gid: Number(options[gid] ?? 0), privileged };
  return { uid: onHost(call, map.uid, uid), gid: onHost(call, map.gid, gid), privileged };
}

function specOf(call: DeviceCall, guest: Guest): ProxySpec {
  const { options } = call;
  const bind = bindOf(options);
  const other = bind === "host" ? "instance" : "host";
  return {
    key: keyOf(call), bind,
    listen: parseAddress(options["listen"] ?? ""), connect: parseAddress(options["connect"] ?? ""),
    init: { pid: guest.init, start: startOf(guest.init) },
    owner: { ...userOf(call, bind, "uid", "gid"), mode: Number.parseInt(options["mode"] ?? "0644", 8) & 0o777 },
    user: userOf(call, other, "security.uid", "security.gid"),
    proxyProtocol: isTrue(options["proxy_protocol"]),
  };
}

const claimOf = (call: DeviceCall) => ({ listen: parseAddress(call.options["listen"] ?? ""), bind: "host" as const, label: labelOf(call) });

async function start(call: DeviceCall, guest: Guest): Promise<void> {
  const { proxies } = call.host;
  if (!isNat(call)) return proxies.add(specOf(call, guest));
  proxies.claim(keyOf(call), claimOf(call));
  await startNat(call);
}

async function stop(call: DeviceCall): Promise<void> {
  if (!isNat(call)) return call.host.proxies.remove(keyOf(call));
  call.host.proxies.unclaim(keyOf(call));
  await stopNat(call);
}

export const proxyDevice: DeviceType = {
  options: proxyOptions,
  fault: (options: Config) => proxyFault(options),
  prepare(call) {
    if (isNat(call)) assertNatTarget(call);
    return { started: (guest) => start(call, guest) };
  },
  attach: start,
  detach: stop,
  release: stop,
  async adopt(call, guest) {
    if (!isNat(call)) return call.host.proxies.keep(specOf(call, guest));
    call.host.proxies.claim(keyOf(call), claimOf(call));
    await startNat(call);
  },
};
