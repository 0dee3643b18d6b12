// What the server tells of itself and the machine it runs on.
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import type { Static } from "typebox";
import { compatibleVersion, type Environment } from "../api/server.ts";
import { hostArchitecture } from "../../images/metadata.ts";
import type { Context } from "../context.ts";
import { run } from "../host/run.ts";
import { poolDrivers } from "../storage/pools.ts";
import { berthVersion } from "./version.ts";

/** Versions of the tools it drives; read once. */
export interface Tools {
  lxc: string;
}

/** Empty strings for what cannot be told. */
export async function readTools(): Promise<Tools> {
  const lxc = await run("lxc-start", ["--version"]).then(({ stdout }) => stdout.trim(), () => "");
  return { lxc };
}

function osRelease(): Record<string, string> {
  const file = ["/etc/os-release", "/usr/lib/os-release"].find((path) => existsSync(path));
  const text = file ? readFileSync(file, "utf8") : "";
  return Object.fromEntries([...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map((match) => [match[1], match[2]]));
}

const architectures: Readonly<Record<string, string[]>> = { x86_64: ["x86_64", "i686"], aarch64: ["aarch64", "armv7l"] };

export function describeEnvironment(ctx: Context, tools: Tools): Static<typeof Environment> {
  const release = osRelease();
  const architecture = hostArchitecture();
  const drivers = [...new Set(ctx.pools.list().map(({ driver }) => driver))];
  return {
    addresses: ctx.https.addresses(),
    architectures: architectures[architecture] ?? [architecture],
    certificate: ctx.https.certificate.certificate,
    certificate_fingerprint: ctx.https.certificate.fingerprint,
    driver: "lxc",
    driver_version: tools.lxc,
    firewall: "nftables",
    kernel: os.type(),
    kernel_architecture: architecture,
    kernel_features: { idmapped_mounts: "true", netnsid_getifaddrs: "true", seccomp_listener: "false", uevent_injection: "false" },
    kernel_version: os.release(),
    lxc_features: { cgroup2: "true", devpts_fd: "true", idmapped_mounts_v2: "true", pidfd: "true", seccomp_notify: "false" },
    os_name: release["NAME"] ?? "",
    os_version: release["VERSION_ID"] ?? "",
    project: "default",
    server: "lxd",
    server_clustered: false,
    server_event_mode: "full-mesh",
    server_name: os.hostname(),
    server_pid: process.pid,
    server_version: compatibleVersion,
    storage: drivers.join(" | "),
    storage_version: drivers.map(() => "1").join(" | "),
    storage_supported_drivers: poolDrivers.map((name) => ({ Name: name, Version: "1", Remote: false })),
    berth_version: berthVersion,
  };
}
