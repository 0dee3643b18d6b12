// Checking the configuration that instances and profiles are given, and putting both together.
import { fail } from "../api/errors.ts";
import { instanceKeys, olderInstanceKeys, unsupportedInstanceKeys } from "../api/config-keys/instance.ts";
import { checkConfig, findKey } from "../api/config-keys/key.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";

/** Checks the keys and values; gives them without the empty ones. `previous` is what it replaces. */
export function checkInstanceConfig(config: Config, previous: Config = {}): Config {
  for (const [key, value] of Object.entries(config)) {
    if (value === "" || findKey(instanceKeys, key)) continue;
    if (isUnsupported(key) && !/^(false|no|off|0)$/i.test(value)) throw fail("config_key_unsupported", { key });
  }
  const known = Object.fromEntries(Object.entries(config).filter(([key]) => findKey(instanceKeys, key) || !isUnsupported(key)));
  return checkConfig(instanceKeys, known, previous);
}

function isUnsupported(key: string): boolean {
  return unsupportedInstanceKeys.some((one) => (one.endsWith(".") ? key.startsWith(one) : key === one));
}

export interface Layer {
  config: Config;
  devices: DeviceMap;
}

/** The configuration that holds: each profile over the one before, the instance's own over all. */
export function expand(profiles: readonly Layer[], own: Layer): Layer {
  const layers = [...profiles, own];
  const devices: DeviceMap = {};
  for (const layer of layers) Object.assign(devices, layer.devices);
  return { config: Object.assign({}, ...layers.map((layer) => withNewNames(layer.config))) as Config, devices };
}

function withNewNames(config: Config): Config {
  const old = Object.keys(config).filter((key) => Object.hasOwn(olderInstanceKeys, key));
  if (old.length === 0) return config;
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !old.includes(key)));
  return { ...Object.fromEntries(old.map((key) => [olderInstanceKeys[key] ?? key, config[key] ?? ""])), ...kept };
}
