// Checking the configuration that instances and profiles are given, and putting both together.
import { fail } from "../api/errors.ts";
import { instanceKeys, olderInstanceKeys, unsupportedInstanceKeys } from "../api/config-keys/instance.ts";
import { checkConfig, findKey } from "../api/config-keys/key.ts";
import { callIn, tidyPolicy } from "../api/config-keys/system-calls.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import { mac } from "../devices/nic/options.ts";
import { isSystemCall } from "../host/system-calls.ts";
import { assertCloudInitData } from "./cloud-init-data.ts";

/** Checks the keys and values; gives them without the empty ones. `previous` is what it replaces. */
export function checkInstanceConfig(config: Config, previous: Config = {}): Config {
  for (const [key, value] of Object.entries(config)) {
    if (value === "" || findKey(instanceKeys, key)) continue;
    if (isUnsupported(key) && !/^(false|no|off|0)$/i.test(value)) throw fail("config_key_unsupported", { key });
  }
  const known = Object.fromEntries(Object.entries(config).filter(([key]) => findKey(instanceKeys, key) || !isUnsupported(key)));
  const checked = checkConfig(instanceKeys, known, previous);
  assertSystemCalls(withNewNames(checked), withNewNames(previous));
  assertCloudInitData(checked, previous);
  return checked;
}

const macNote = /^volatile\.(?!.*\blast_state\.)[\w.-]{1,64}\.hwaddr$/;

/** The MAC addresses that a user gives to nics as `volatile.NIC.hwaddr`, where they differ from those of `now`. Throws `invalid_config_value`. */
export function givenMacs(config: Config, now: Config = {}): Config {
  const given = Object.entries(config).filter(([key, value]) => macNote.test(key) && value !== "" && value !== now[key]);
  for (const [key, value] of given) {
    const reason = mac(value);
    if (reason) throw fail("invalid_config_value", { key, reason: `"${value.slice(0, 80)}": ${reason}` });
  }
  return Object.fromEntries(given);
}

const policyKeys = ["security.syscalls.allow", "security.syscalls.deny", "raw.seccomp"];

/** The names of system calls are this machine's business, and the keys exclude each other. */
function assertSystemCalls(config: Config, previous: Config): void {
  const isSet = (key: string) => config[key] !== undefined && config[key] !== previous[key];
  for (const key of policyKeys.filter(isSet)) {
    if (key === "raw.seccomp" && config[key]?.trimStart().startsWith("1")) continue; // version 1 has numbers
    const unknown = tidyPolicy(config[key] ?? "").slice(key === "raw.seccomp" ? 2 : 0).find((line) => !isSystemCall(callIn(line) ?? "read"));
    if (unknown) throw fail("invalid_config_value", { key, reason: `line "${unknown.slice(0, 80)}": there is no such system call` });
  }
  const isOn = (key: string) => config[key] !== undefined && !/^(false|0|no|off)$/i.test(config[key]);
  const syscalls = Object.keys(config).filter((key) => key.startsWith("security.syscalls."));
  if (config["raw.seccomp"] && syscalls.length > 0) throw fail("bad_request", { reason: "raw.seccomp is mutually exclusive with security.syscalls*" });
  if (config["security.syscalls.allow"] && syscalls.some((key) => key.startsWith("security.syscalls.deny") && isOn(key))) {
    throw fail("bad_request", { reason: "security.syscalls.allow is mutually exclusive with security.syscalls.deny*" });
  }
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
