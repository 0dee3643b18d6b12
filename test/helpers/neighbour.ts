// A second daemon in the network of another one: for what two servers do with each other over loopback.
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Daemon } from "./daemon.ts";
import { makeFolder, unmountBelow } from "./folder.ts";
import type { Namespace } from "./namespace.ts";

/** Starts one with a folder of its own, and nothing in it. The namespace is the other one's. */
export async function startNeighbour(namespace: Namespace, env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
  const daemon = new Daemon(makeFolder(), namespace, { env });
  mkdirSync(daemon.dir, { mode: 0o711 });
  await daemon.start();
  return daemon;
}

/** Gives a daemon a pool, and has it listen on a port of loopback. */
export async function openForMoves(daemon: Daemon, port: number): Promise<void> {
  await daemon.must("POST", "/1.0/storage-pools", { name: "default", driver: "dir" });
  await daemon.must("PATCH", "/1.0/profiles/default", { devices: { root: { type: "disk", path: "/", pool: "default" } } });
  await daemon.must("PATCH", "/1.0", { config: { "core.https_address": `127.0.0.1:${port}` } });
}

/** Before the other one is disposed of. */
export async function endNeighbour(daemon: Daemon): Promise<void> {
  await daemon.deleteInstances();
  await daemon.stop();
  unmountBelow(dirname(daemon.dir));
  rmSync(dirname(daemon.dir), { recursive: true, force: true });
}
