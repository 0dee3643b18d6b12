// Files of instances on the command line (`NAME/path`), and the requests about them.
import path from "node:path";
import type { TransportResponse } from "../../../server/api/client.ts";
import { isCode } from "../../../server/api/errors.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { type Server, withProject } from "../../remotes/server.ts";

export interface GuestFile {
  server: Server;
  name: string;
  /** Absolute and without `..`. */
  path: string;
  /** It was written with a slash at its end. */
  isDirectory: boolean;
}

/** Takes `[remote:]NAME/path` apart. `what` is for the error. */
export function parseGuestFile(ctx: Context, argument: string, what: string): GuestFile {
  const slash = argument.indexOf("/");
  if (slash < 0) throw new CliError(`Invalid ${what} ${argument}`, { hint: "name a file of an instance: INSTANCE/path" });
  const { server, name } = ctx.resolve(argument.slice(0, slash), "instance");
  const guestPath = path.posix.normalize(argument.slice(slash));
  const isDirectory = argument.endsWith("/") || guestPath.endsWith("/");
  return { server, name, path: guestPath.length > 1 ? guestPath.replace(/\/$/, "") : "/", isDirectory };
}

export interface NewFile {
  type: "file" | "symlink" | "directory";
  uid?: number | undefined;
  gid?: number | undefined;
  mode?: number | undefined;
}

const header = (value: number | undefined, text: (value: number) => string) => (value === undefined ? undefined : text(value));

export function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

export async function sendFile({ server, name, path }: Pick<GuestFile, "server" | "name" | "path">, file: NewFile, body: AsyncIterable<Uint8Array> | string = ""): Promise<void> {
  const given = {
    "x-lxd-type": file.type, "x-lxd-uid": header(file.uid, String), "x-lxd-gid": header(file.gid, String), "x-lxd-mode": header(file.mode, formatMode),
  };
  const headers = Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
  await server.client.writeInstanceFile({ name, path, headers, body });
}

/** The reply for a file, symbolic link or directory; `type` says which. */
export async function fetchFile(server: Server, name: string, path: string): Promise<{ type: string; mode: number; reply: TransportResponse }> {
  const reply = await server.client.getInstanceFile({ name, path });
  return { type: reply.headers["x-lxd-type"] ?? "file", mode: Number.parseInt(reply.headers["x-lxd-mode"] ?? "0644", 8), reply };
}

async function typeOf(server: Server, name: string, path: string): Promise<string | undefined> {
  try {
    return (await server.client.getInstanceFileHead({ name, path })).headers["x-lxd-type"];
  } catch (error) {
    if (isCode(error, "file_not_found") || isCode(error, "file_refused")) return undefined;
    throw error;
  }
}

/** Makes a directory of an instance with those above it. */
export async function makeDirectories({ server, name, path }: Pick<GuestFile, "server" | "name" | "path">, owner: Omit<NewFile, "type">): Promise<void> {
  const parts = path.split("/").filter(Boolean);
  let existing = parts.length;
  while (existing > 0 && (await typeOf(server, name, `/${parts.slice(0, existing).join("/")}`)) === undefined) existing--;
  for (let i = existing + 1; i <= parts.length; i++) {
    await sendFile({ server, name, path: `/${parts.slice(0, i).join("/")}` }, { type: "directory", ...owner });
  }
}

/** The endpoint of an instance's SFTP. */
export function sftpPath(server: Server, name: string): string {
  return withProject(`/1.0/instances/${encodeURIComponent(name)}/sftp`, server.project);
}
