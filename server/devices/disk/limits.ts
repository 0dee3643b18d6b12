// How fast disks may be read and written: throttles of the guest's cgroup for the block devices behind them.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Config } from "../../api/schemas.ts";
import { formatDevice } from "../../host/device-number.ts";
import { hasCode } from "../../host/libc.ts";
import { readMounts } from "../../host/mountinfo.ts";
import type { DeviceCall, Guest } from "../device.ts";
import { deviceError } from "../staging.ts";
import { isRoot, isTmpfs, parseRate } from "./options.ts";

/** The most a block device gives, a second. */
export interface Throttle {
  rbps?: number;
  wbps?: number;
  riops?: number;
  wiops?: number;
}
const kinds = ["rbps", "wbps", "riops", "wiops"] as const;

/** What a disk's options ask for. */
export function throttleOf(options: Config): Throttle {
  const read = parseRate(options["limits.read"] ?? options["limits.max"] ?? "");
  const write = parseRate(options["limits.write"] ?? options["limits.max"] ?? "");
  return {
    ...(read?.bytes ? { rbps: read.bytes } : {}), ...(write?.bytes ? { wbps: write.bytes } : {}),
    ...(read?.operations ? { riops: read.operations } : {}), ...(write?.operations ? { wiops: write.operations } : {}),
  };
}

/** The kernel counts by block device: of several disks on one the strictest limit holds. */
export function strictest(throttles: readonly Throttle[]): Throttle {
  const result: Throttle = {};
  for (const kind of kinds) {
    const values = throttles.flatMap((one) => one[kind] ?? []);
    if (values.length > 0) result[kind] = Math.min(...values);
  }
  return result;
}

const files: Readonly<Record<(typeof kinds)[number], string>> = {
  rbps: "blkio.throttle.read_bps_device", wbps: "blkio.throttle.write_bps_device",
  riops: "blkio.throttle.read_iops_device", wiops: "blkio.throttle.write_iops_device",
};

/** File and line for each limit of a device; what is not limited is freed. */
export function throttleLines(device: string, throttle: Throttle, unified: boolean): (readonly [file: string, line: string])[] {
  if (unified) return [["io.max", `${device} ${kinds.map((kind) => `${kind}=${throttle[kind] ?? "max"}`).join(" ")}`]];
  return kinds.map((kind) => [files[kind], `${device} ${throttle[kind] ?? 0}`] as const);
}

/** Makes the limits of all disks of a guest hold, and frees what had one before. */
export function applyThrottles(calls: readonly DeviceCall[], guest: Guest): void {
  const byDevice = new Map<string, Throttle[]>();
  for (const call of calls) {
    const throttle = throttleOf(call.options);
    if (Object.keys(throttle).length === 0) continue;
    const device = deviceBehind(call);
    byDevice.set(device, [...(byDevice.get(device) ?? []), throttle]);
  }
  for (const device of limitedDevices(guest)) if (!byDevice.has(device)) byDevice.set(device, []);
  for (const [device, throttles] of byDevice) {
    for (const [name, line] of throttleLines(device, strictest(throttles), guest.cgroups.isUnified)) write(guest, name, line, calls);
  }
}

function write(guest: Guest, name: string, line: string, calls: readonly DeviceCall[]): void {
  const file = guest.cgroups.file(guest.cgroups.isUnified ? "io" : "blkio", name);
  try {
    writeFileSync(file ?? "", line);
  } catch (error) {
    const limited = calls.find(({ options }) => Object.keys(throttleOf(options)).length > 0);
    if (!limited) return;
    throw deviceError(limited.name, `"limits" need the ${guest.cgroups.isUnified ? "io" : "blkio"} controller of cgroups, which refuses "${line}": ${(error as Error).message}`, error);
  }
}

/** The block devices that have a limit now. */
function limitedDevices(guest: Guest): Set<string> {
  const found = new Set<string>();
  for (const name of guest.cgroups.isUnified ? ["io.max"] : Object.values(files)) {
    const file = guest.cgroups.file(guest.cgroups.isUnified ? "io" : "blkio", name);
    for (const line of readLines(file)) found.add(line.split(" ")[0] ?? "");
  }
  return found;
}

function readLines(file: string | undefined): string[] {
  if (file === undefined) return [];
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EOPNOTSUPP", "ENODEV")) return [];
    throw error;
  }
}

/** The folder or file whose block device a disk uses. */
const storedAt = ({ options, instance }: DeviceCall) => (isRoot(options) ? path.dirname(instance.rootfs) : (options["source"] ?? ""));

/** MAJOR:MINOR of the whole disk behind a disk device. Throws `device_start_failed`. */
function deviceBehind(call: DeviceCall): string {
  if (isTmpfs(call.options)) throw deviceError(call.name, "a tmpfs has no block device to limit");
  const source = storedAt(call);
  const found = blockDeviceOf(source);
  if (!found) throw deviceError(call.name, `"limits" need a block device, and there is none behind ${source}`);
  return wholeDisk(found);
}

function blockDeviceOf(file: string): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isBlockDevice()) return formatDevice(stats.rdev);
  const own = formatDevice(stats.dev);
  if (!own.startsWith("0:")) return own;
  // A file system without a device number of its own, such as btrfs, is mounted from its device.
  const source = readMounts().find(({ device }) => device === own)?.source ?? "";
  const device = source.startsWith("/") ? statSync(source, { throwIfNoEntry: false }) : undefined;
  return device?.isBlockDevice() ? formatDevice(device.rdev) : undefined;
}

/** Limits hold for whole disks only. */
function wholeDisk(device: string): string {
  const sys = `/sys/dev/block/${device}`;
  if (!statSync(`${sys}/partition`, { throwIfNoEntry: false })) return device;
  return readFileSync(`${sys}/../dev`, "utf8").trim();
}
