// Kernel settings below /proc/sys/net, written as files. A value that is right already is not written:
// inside a container /proc/sys may be read-only and still be as it should.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { startFailed } from "../failure.ts";
import type { Sysctl } from "./render.ts";

const root = "/proc/sys/net";

/** Whether the kernel speaks IPv6 at all. */
export function hasIpv6(): boolean {
  return existsSync(`${root}/ipv6`);
}

/** The value of a setting, or undefined when the kernel has none of that name. */
export function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(`${root}/${path}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Writes a setting. Throws `network_start_failed` for the network it is written for. */
export function writeSysctl(network: string, { path, value }: Sysctl): void {
  if (readSysctl(path) === value) return;
  try {
    writeFileSync(`${root}/${path}`, value);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const locked = code === "EROFS" || code === "EACCES" || code === "EPERM";
    const hint = locked
      ? `The kernel's settings are read-only here. Set net.${path.replaceAll("/", ".")} to ${value} outside, or run berthd where /proc/sys is writable.`
      : "";
    throw startFailed(network, `cannot write ${value} to ${root}/${path}: ${code}`, hint, cause);
  }
}

/**
 * Lets the machine forward IPv6. A router ignores router advertisements unless told otherwise, so first
 * every interface that listens to them is told to go on: the machine would lose its own default route.
 */
export function forwardIpv6(network: string): void {
  if (readSysctl("ipv6/conf/all/forwarding") !== "1") {
    for (const name of readdirSync(`${root}/ipv6/conf`)) {
      const path = `ipv6/conf/${name}/accept_ra`;
      if (readSysctl(path) === "1") writeSysctl(network, { path, value: "2" });
    }
    writeSysctl(network, { path: "ipv6/conf/all/forwarding", value: "1" });
  }
  writeSysctl(network, { path: `ipv6/conf/${network}/forwarding`, value: "1" });
}
