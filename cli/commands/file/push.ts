// berth file push
import { createReadStream, fstatSync, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { basename, join, normalize, posix } from "node:path";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { type GuestFile, makeDirectories, parseGuestFile, sendFile, sftpPath } from "./guest-files.ts";
import type { PushItem } from "../../sftp/push.ts";
import { TransferProgress } from "./progress.ts";

interface Owner {
  uid: number | undefined;
  gid: number | undefined;
  mode: number | undefined;
}

function parseMode(text: string): number | undefined {
  if (text === "") return undefined;
  if (!/^(0o?)?[0-7]{3,4}$/.test(text)) throw new CliError(`Invalid mode "${text}"`, { hint: "write it in octal, as in 0644." });
  return Number.parseInt(text.replace(/^0o/, ""), 8);
}

const streamOf = (fd: number) => createReadStream("", { fd, highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>;

function tryFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "no such file or directory" : code === "EACCES" ? "permission denied" : (cause as Error).message;
    throw new CliError(`open ${path}: ${reason}`, { cause });
  }
}

/** One file, or stdin. Its owner and mode are those of the source where none are asked for; undefined flags nothing. */
export async function pushFile(ctx: Context, source: string, target: GuestFile, owner: Owner | undefined, createDirs = false): Promise<void> {
  const fd = source === "-" ? 0 : tryFile(source, () => openSync(source, "r"));
  const stats = fstatSync(fd);
  if (stats.isDirectory()) throw new CliError(`${source} is a directory`, { hint: "push it with --recursive." });
  const given = owner && { uid: owner.uid ?? stats.uid, gid: owner.gid ?? stats.gid, mode: owner.mode ?? stats.mode };
  if (createDirs) await makeDirectories({ ...target, path: posix.dirname(target.path) }, { uid: given?.uid, gid: given?.gid });
  const progress = new TransferProgress(ctx);
  try {
    await sendFile(target, { type: "file", ...given }, progress.count(`Pushing ${source} to ${target.path}`, streamOf(fd), stats.size));
  } finally {
    progress.done();
  }
}

function walk(source: string, path: string, directories: PushItem[], others: PushItem[]): void {
  const stats = tryFile(source, () => lstatSync(source));
  if (stats.isDirectory()) {
    directories.push({ source, path, stats });
    for (const name of readdirSync(source).sort()) walk(join(source, name), posix.join(path, name), directories, others);
  } else if (stats.isFile() || stats.isSymbolicLink()) {
    others.push({ source, path, stats });
  } else {
    throw new CliError(`'${source}' isn't a supported file type`);
  }
}

async function pushTree(ctx: Context, source: string, target: GuestFile): Promise<void> {
  const [directories, others]: [PushItem[], PushItem[]] = [[], []];
  walk(source, posix.join(target.path, basename(source)), directories, others);
  const progress = new TransferProgress(ctx);
  const { openSftp, pushItems } = await import("../../sftp/index.ts");
  const { sftp, close } = await openSftp(await target.server.connect(), sftpPath(target.server, target.name));
  try {
    await pushItems(sftp, directories, others, (item, bytes) => progress.add(`Pushing ${item.source} to ${item.path}`, bytes));
  } finally {
    close();
    progress.done();
  }
}

export const filePushCommand = defineCommand({
  name: "push",
  usage: "<source path>... <instance>/<path>",
  summary: "Push files into instances",
  examples: `berth file push /etc/hosts foo/etc/hosts
   To push /etc/hosts into the instance "foo".`,
  args: [2, -1],
  flags: {
    "create-dirs": { kind: "bool", short: "p", description: "Create any directories necessary" },
    gid: { kind: "int", default: -1, description: "Set the file's gid on push" },
    mode: { kind: "string", description: "Set the file's perms on push" },
    recursive: { kind: "bool", short: "r", description: "Recursively transfer files" },
    uid: { kind: "int", default: -1, description: "Set the file's uid on push" },
  },
  async run(ctx, args, flags) {
    const target = parseGuestFile(ctx, args.at(-1) ?? "", "target");
    const sources = args.slice(0, -1).map((source) => (source === "-" ? source : normalize(source).replace(/(.)\/$/, "$1")));
    const id = (value: number) => (value < 0 ? undefined : value);
    const owner = { uid: id(flags.uid), gid: id(flags.gid), mode: parseMode(flags.mode) };
    if (flags.recursive) {
      if (flags.uid !== -1 || flags.gid !== -1 || flags.mode !== "") throw new CliError("Can't supply uid/gid/mode in recursive mode");
      if (flags["create-dirs"]) {
        const first = sources[0] ?? "";
        const { uid, gid, mode } = tryFile(first, () => statSync(first));
        await makeDirectories(target, { uid, gid, mode });
      }
      for (const source of sources) await pushTree(ctx, source, target);
      return;
    }
    if (sources.length > 1 && !target.isDirectory) throw new CliError("Missing target directory", { hint: "end the target with a slash." });
    for (const source of sources) {
      const name = source === "-" ? "stdin" : basename(source);
      const place = target.isDirectory ? { ...target, path: posix.join(target.path, name) } : target;
      await pushFile(ctx, source, place, owner, flags["create-dirs"]);
    }
  },
});
