// A guest's process that talks to /dev/lxd/sock. Most images have no program for that, so Node does it from outside, with the
// guest's user ids: the daemon sees no difference.
import { readFileSync } from "node:fs";
import type { Daemon } from "./daemon.ts";
import { execOk } from "./exec.ts";
import { initOf } from "./instances.ts";

export interface GuestReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The socket on the host that a guest's /dev/lxd/sock is. */
export function guestSocket(daemon: Daemon, name: string): string {
  const folder = /^lxc\.mount\.entry = (\S+) dev\/lxd /m.exec(readFileSync(`${daemon.dir}/logs/${name}/lxc.conf`, "utf8"))?.[1];
  return `${folder}/sock`;
}

const oneRequest = `
const [socketPath, method, path, body] = process.argv.slice(1);
const request = require("node:http").request({ socketPath, method, path, timeout: 20000 }, async (response) => {
  let text = "";
  for await (const chunk of response) text += chunk;
  console.log(JSON.stringify({ status: response.statusCode, headers: response.headers, body: text }));
});
request.on("error", (error) => { console.log(JSON.stringify({ status: 0, headers: {}, body: String(error.code) })); });
request.end(body);`;

/** Runs a program of the host's as a user of the guest; it must succeed. Resolves with what it printed. */
export async function asGuest(daemon: Daemon, name: string, command: readonly string[], uid = 0): Promise<string> {
  const ids = ["--setuid", String(uid), "--setgid", String(uid)];
  const enter = ["--target", String(await initOf(daemon, name)), "--user", ...ids, "--", ...command];
  return execOk("nsenter", enter, { cwd: "/", timeout: 60_000 });
}

/** Runs Node code as a user of the guest; `process.argv[1]` is the socket. */
export function nodeInGuest(daemon: Daemon, name: string, code: string, args: readonly string[] = [], uid = 0): Promise<string> {
  return asGuest(daemon, name, [process.execPath, "-e", code, guestSocket(daemon, name), ...args], uid);
}

export interface AskOptions {
  method?: string;
  body?: string;
  /** In the guest; root when absent. */
  uid?: number;
}

export async function ask(daemon: Daemon, name: string, path: string, { method = "GET", body = "", uid }: AskOptions = {}): Promise<GuestReply> {
  return JSON.parse(await nodeInGuest(daemon, name, oneRequest, [method, path, body], uid));
}
