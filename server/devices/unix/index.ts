// unix-char and unix-block: one device node of the host's, by its path or its numbers.
import { type Stats, statSync } from "node:fs";
import { isTrue, type KeyTable } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { splitDevice } from "../../host/device-number.ts";
import { hasCode } from "../../host/libc.ts";
import type { DeviceCall } from "../device.ts";
import { cleanPath, targetFault } from "../guest-path.ts";
import { deviceError } from "../staging.ts";
import { watch } from "../watch.ts";
import { nodeDevice, ownerOptions } from "./node-device.ts";
import type { DeviceNode } from "./nodes.ts";

const number = { kind: "int", min: 0, max: 2 ** 20 - 1 } as const;

const options: KeyTable = {
  ...ownerOptions,
  major: { type: number, description: "Major number; that of the host's node when absent" },
  minor: { type: number, description: "Minor number; that of the host's node when absent" },
  path: { type: { kind: "string" }, description: "Where it is in the guest; as on the host when absent" },
  required: { type: { kind: "bool" }, description: "Without it the instance does not start; false: it comes and goes with the host's", default: "true" },
  source: { type: { kind: "string" }, description: "The host's node; path when absent" },
};

const sourceOf = (config: Config) => config["source"] || config["path"] || "";
const targetOf = (config: Config) => config["path"] || config["source"] || "";

function fault(config: Config): string | undefined {
  if (!targetOf(config)) return 'Unix device entry is missing the required "source" or "path" property';
  if (!sourceOf(config).startsWith("/")) return `"source" must be absolute, not "${sourceOf(config)}"`;
  if (!config["major"] !== !config["minor"]) return `Both major and minor must be supplied for device: ${sourceOf(config)}`;
  return targetFault(targetOf(config));
}

function statNode({ name }: DeviceCall, source: string): Stats | undefined {
  try {
    return statSync(source);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw deviceError(name, `${source} cannot be read: ${(error as Error).message}`, error);
  }
}

function findIt(call: DeviceCall, kind: DeviceNode["kind"]): DeviceNode[] {
  const { options: config, name } = call;
  const target = cleanPath(targetOf(config));
  if (config["major"]) return [{ path: target, kind, major: Number(config["major"]), minor: Number(config["minor"]) }];
  const source = sourceOf(config);
  const stats = statNode(call, source);
  if (!stats) {
    if (config["required"] && !isTrue(config["required"])) return [];
    throw deviceError(name, `The required device path doesn't exist: ${source}`);
  }
  if (kind === "char" ? !stats.isCharacterDevice() : !stats.isBlockDevice()) throw deviceError(name, `Path specified is not a unix-${kind} device: ${source}`);
  return [{ path: target, kind, ...splitDevice(stats.rdev) }];
}

function unixDevice(kind: DeviceNode["kind"]) {
  return nodeDevice({
    options, fault, find: (call) => findIt(call, kind),
    follow({ options: config, instance, name }, changed) {
      if (config["required"] && !isTrue(config["required"]) && !config["major"]) watch(instance.systemName, name, sourceOf(config), changed);
    },
  });
}

export const unixCharDevice = unixDevice("char");
export const unixBlockDevice = unixDevice("block");
