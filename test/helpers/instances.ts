// Images and instances over the raw API for tests of the daemon: import, create, change the state, listen to events.
import { readFileSync } from "node:fs";
import WebSocket from "ws";
import type { Daemon } from "./daemon.ts";
import type { ImageFiles } from "./images.ts";
import { eventually } from "./wait.ts";

/** A part of a multipart form. */
export interface Part {
  field: string;
  bytes: Buffer;
}

export interface Upload {
  body: Buffer;
  headers: Record<string, string>;
}

const boundary = "berth-test-boundary";

/** A multipart body and its headers. */
export function formOf(parts: readonly Part[]): Upload {
  const chunks = parts.flatMap(({ field, bytes }) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${field}.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return { body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]), headers: { "content-type": `multipart/form-data; boundary=${boundary}` } };
}

/** The request that uploads an image's files. */
export function uploadOf(files: ImageFiles): Upload {
  const [meta, rootfs] = files;
  if (rootfs === undefined) return { body: readFileSync(meta), headers: { "content-type": "application/octet-stream" } };
  return formOf([{ field: "metadata", bytes: readFileSync(meta) }, { field: "rootfs", bytes: readFileSync(rootfs) }]);
}

/** Imports an image under an alias; resolves with its fingerprint. */
export async function importImage(daemon: Daemon, files: ImageFiles, alias: string): Promise<string> {
  const { body, headers } = uploadOf(files);
  const operation = await daemon.must("POST", "/1.0/images", body, { headers });
  const fingerprint: string = operation.metadata.fingerprint;
  await daemon.must("POST", "/1.0/images/aliases", { name: alias, target: fingerprint });
  return fingerprint;
}

export interface InstanceOptions {
  alias?: string;
  config?: Record<string, string>;
  devices?: Record<string, Record<string, string>>;
  ephemeral?: boolean;
}

const urlOf = (name: string) => `/1.0/instances/${name}`;

/** What to post for a new instance; of the image "busybox" when nothing else is said. */
export function instanceOf(name: string, { alias = "busybox", ...rest }: InstanceOptions = {}): Record<string, unknown> {
  return { name, source: { type: "image", alias }, ...rest };
}

export function create(daemon: Daemon, name: string, options: InstanceOptions = {}): Promise<unknown> {
  return daemon.must("POST", "/1.0/instances", instanceOf(name, options));
}

/** Creates and starts. */
export async function launch(daemon: Daemon, name: string, options: InstanceOptions = {}): Promise<void> {
  await create(daemon, name, options);
  await act(daemon, name, "start");
}

/** A state change that must succeed. */
export function act(daemon: Daemon, name: string, action: string, options: { force?: boolean; timeout?: number } = {}): Promise<unknown> {
  return daemon.must("PUT", `${urlOf(name)}/state`, { action, timeout: 30, ...options });
}

export const forceStop = (daemon: Daemon, name: string) => act(daemon, name, "stop", { force: true });

export function remove(daemon: Daemon, name: string): Promise<unknown> {
  return daemon.must("DELETE", urlOf(name));
}

/** Stops and deletes. */
export async function destroy(daemon: Daemon, name: string): Promise<void> {
  if ((await statusOf(daemon, name)) !== "Stopped") await forceStop(daemon, name);
  await remove(daemon, name);
}

export async function statusOf(daemon: Daemon, name: string): Promise<string> {
  return (await daemon.must("GET", urlOf(name))).status;
}

/** Host pid of its init; 0 while it is stopped. */
export async function initOf(daemon: Daemon, name: string): Promise<number> {
  return (await daemon.must("GET", `${urlOf(name)}/state`)).pid;
}

/** Runs a line of shell inside, which must succeed; resolves with its trimmed output. */
export async function sh(daemon: Daemon, name: string, script: string): Promise<string> {
  return (await daemon.run("exec", name, "--", "sh", "-c", script)).trim();
}

/** Waits until the guest's init has come as far as heeding signals. */
export async function booted(daemon: Daemon, name: string, alias = "busybox"): Promise<void> {
  const script = alias === "debian" ? "systemctl is-system-running" : "[ -e /run/booted ]";
  const ready = async () => {
    const { code, stdout } = await daemon.berth("exec", name, "--", "sh", "-c", script);
    return code === 0 || /running|degraded/.test(stdout);
  };
  await eventually(ready, { timeout: 30_000, what: `${name} has booted` });
}

export interface Listener extends AsyncDisposable {
  /** The actions told so far of one instance, in order. */
  actions(name: string): string[];
}

/** Listens to lifecycle events. */
export async function listen(daemon: Daemon): Promise<Listener> {
  const socket = new WebSocket(`ws+unix:${daemon.socket}:/1.0/events?type=lifecycle`);
  const seen: { metadata: { action: string; source: string } }[] = [];
  socket.on("message", (data) => seen.push(JSON.parse(String(data))));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    actions: (name) => seen.filter(({ metadata }) => metadata.source === urlOf(name)).map(({ metadata }) => metadata.action),
    async [Symbol.asyncDispose]() {
      if (socket.readyState === WebSocket.CLOSED) return; // the daemon went first
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.terminate();
      await closed;
    },
  };
}
