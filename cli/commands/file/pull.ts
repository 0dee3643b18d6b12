// berth file pull
import { chmodSync, existsSync, mkdirSync, openSync, statSync, symlinkSync } from "node:fs";
import { close } from "node:fs";
import { basename, dirname, join, } from "node:path";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { writeAll } from "../../output/write.ts";
import { fetchFile, type GuestFile, parseGuestFile, sftpPath } from "./guest-files.ts";
import { TransferProgress } from "./progress.ts";

const mostLinks = 40;

/** Writes bytes to a file of its mode, or to stdout. */
async function save(bytes: AsyncIterable<Uint8Array>, target: string, mode: number): Promise<void> {
  const fd = target === "-" ? 1 : openSync(target, "w", 0o600);
  try {
    if (fd !== 1) chmodSync(target, mode);
    for await (const part of bytes) await writeAll(fd, part);
  } finally {
    if (fd !== 1) await new Promise((resolve) => close(fd, resolve));
  }
}

/** The file behind a symbolic link; what is none is given back. */
async function followLinks({ server, name, path }: GuestFile): ReturnType<typeof fetchFile> {
  let at = path;
  for (let i = 0; i < mostLinks; i++) {
    const found = await fetchFile(server, name, at);
    if (found.type !== "symlink") return found;
    at = await found.reply.text();
  }
  throw new CliError("Too many links");
}

export async function pullFile(ctx: Context, file: GuestFile, target: string, follow: boolean): Promise<void> {
  const { server, name, path } = file;
  const found = follow ? await followLinks(file) : await fetchFile(server, name, path);
  if (found.type === "symlink") return symlinkSync(await found.reply.text(), target);
  if (found.type === "directory") throw new CliError("Can't pull a directory without --recursive");
  const progress = new TransferProgress(ctx);
  try {
    const bytes = target === "-" ? found.reply.body : progress.count(`Pulling ${path} to ${target}`, found.reply.body, Number(found.reply.headers["content-length"] ?? 0));
    await save(bytes, target, found.mode);
  } finally {
    progress.done();
  }
}

async function pullTree(ctx: Context, { server, name, path }: GuestFile, target: string): Promise<void> {
  const progress = new TransferProgress(ctx);
  const { openSftp, pullDirectory } = await import("../../sftp/index.ts");
  const { sftp, close } = await openSftp(await server.connect(), sftpPath(server, name));
  try {
    await pullDirectory(sftp, path, target, (file, bytes) => progress.add(`Pulling ${file} to ${target}`, bytes));
  } finally {
    close();
    progress.done();
  }
}

function isDirectory(path: string): boolean | undefined {
  return existsSync(path) ? statSync(path).isDirectory() : undefined;
}

export const filePullCommand = defineCommand({
  name: "pull",
  usage: "<instance>/<path> [<instance>/<path>...] <target path>",
  summary: "Pull files from instances",
  examples: `berth file pull foo/etc/hosts .
   To pull /etc/hosts from the instance and write it to the current directory.`,
  args: [2, -1],
  flags: {
    "create-dirs": { kind: "bool", short: "p", description: "Create any directories necessary" },
    recursive: { kind: "bool", short: "r", description: "Recursively transfer files" },
  },
  async run(ctx, args, flags) {
    const target = args.at(-1) ?? "";
    const sources = args.slice(0, -1).map((source) => parseGuestFile(ctx, source, "source"));
    const intoStdout = target === "-";
    let intoDirectory = !intoStdout && (isDirectory(target) ?? false);
    if (!intoStdout && isDirectory(target) === false && sources.length > 1) throw new CliError("More than one file to download, but target is not a directory");
    if (!intoStdout && !existsSync(target)) {
      intoDirectory = target.endsWith("/") || sources.length > 1;
      if (intoDirectory) mkdirSync(target, { recursive: true, mode: 0o750 });
      else if (flags["create-dirs"]) mkdirSync(dirname(target), { recursive: true, mode: 0o750 });
    }
    for (const file of sources) {
      const { server, name, path } = file;
      if (flags.recursive && !intoStdout && (await server.client.getInstanceFileHead({ name, path })).headers["x-lxd-type"] === "directory") {
        if (!existsSync(target)) mkdirSync(target, { recursive: true, mode: 0o750 });
        await pullTree(ctx, file, join(target, basename(path)));
        intoDirectory = true;
      } else {
        await pullFile(ctx, file, intoDirectory ? join(target, basename(path)) : target, intoStdout || flags.recursive);
      }
    }
  },
});
