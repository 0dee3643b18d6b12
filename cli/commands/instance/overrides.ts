// `--device NAME,key=value`: changes to devices of the new instance or of its profiles.
import type { DeviceMap } from "../../../server/api/schemas.ts";
import { CliError, prefixed } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";

/** Device → the keys to set. */
export function parseOverrides(entries: readonly string[]): DeviceMap {
  const devices: DeviceMap = {};
  for (const entry of entries) {
    const [, device = "", key = "", value = ""] = /^([^,]*),([^=]*)=(.*)$/s.exec(entry) ?? [];
    if (key === "") throw new CliError(`Bad device override syntax, expecting <device>,<key>=<value>: ${entry}`);
    devices[device] = { ...devices[device], [key]: value };
  }
  return devices;
}

/** Applies overrides; a device that comes from a profile is copied into the instance for it. */
export async function overrideDevices(
  server: Pick<Server, "client">, devices: DeviceMap, overrides: DeviceMap, profiles: readonly string[],
): Promise<DeviceMap> {
  const needsProfiles = Object.keys(overrides).some((name) => !devices[name]);
  const inherited = needsProfiles ? await profileDevices(server, profiles) : {};
  const result = { ...devices };
  for (const [name, keys] of Object.entries(overrides)) {
    const device = devices[name] ?? inherited[name];
    if (!device) throw new CliError(`Cannot override config for device "${name}": Device not found in profile devices`);
    result[name] = { ...device, ...keys };
  }
  return result;
}

async function profileDevices(server: Pick<Server, "client">, profiles: readonly string[]): Promise<DeviceMap> {
  const devices: DeviceMap = {};
  for (const name of profiles) {
    const profile = await server.client.getProfile({ name }).catch((error: unknown) => {
      throw prefixed(`Failed loading profile "${name}" for device override`, error);
    });
    Object.assign(devices, profile.devices);
  }
  return devices;
}
