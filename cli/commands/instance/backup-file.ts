// Brings backups of instances to files, and back.
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { formatSize } from "../../output/units.ts";
import { writeAll } from "../../output/write.ts";
import { ProgressLine } from "../../progress.ts";
import type { Server } from "../../remotes/server.ts";

export interface ExportOptions {
  compression: string;
  "instance-only": boolean;
  "optimized-storage": boolean;
}

/** How long a backup stays when nobody deletes it, in ms. */
const lifetime = 24 * 3_600_000;

/** Makes a backup, writes it to a file, and deletes it on the server. The file has its name only when it is whole. */
export async function exportInstance(ctx: Context, server: Server, name: string, target = "backup.tar.gz", options: ExportOptions): Promise<void> {
  const only = options["instance-only"];
  const operation = await server.follow(await server.client.createBackup({
    name, body: {
      name: "", expires_at: new Date(Date.now() + lifetime).toISOString(), instance_only: only, container_only: only,
      optimized_storage: options["optimized-storage"], compression_algorithm: options.compression,
    },
  }), "Backing up instance: ");
  const backup = decodeURIComponent(operation.resources?.["backups"]?.[0]?.split("/").at(-1) ?? "");
  try {
    const response = await server.client.exportBackup({ name, backup });
    const quiet = ctx.globals.quiet || target === "-";
    await (target === "-" ? writeTo(1, response.body, quiet) : writeFile(target, response.body, quiet));
    if (!quiet) ctx.say("Backup exported successfully!");
  } finally {
    await server.client.deleteBackup({ name, backup }).then((deleting) => server.follow(deleting)).catch(() => {}); // it expires
  }
}

async function writeFile(target: string, bytes: AsyncIterable<Uint8Array>, quiet: boolean): Promise<void> {
  const part = `${target}.part`;
  try {
    await using file = await open(part, "w", 0o600);
    await writeTo(file.fd, bytes, quiet);
    await file.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rename(part, target);
}

async function writeTo(fd: number, bytes: AsyncIterable<Uint8Array>, quiet: boolean): Promise<void> {
  const progress = new ProgressLine(quiet);
  try {
    for await (const part of counted(bytes, (count, rate) => progress.update(`Exporting the backup: ${formatSize(count)} (${formatSize(rate)}/s)`))) await writeAll(fd, Buffer.from(part));
  } finally {
    progress.done();
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, show: (count: number, rate: number) => void): AsyncGenerator<Uint8Array> {
  const start = performance.now();
  let [count, shown] = [0, start];
  for await (const part of bytes) {
    yield part;
    count += part.length;
    const now = performance.now();
    if (now - shown < 100) continue;
    shown = now;
    show(count, Math.floor(count / ((now - start) / 1000)));
  }
}

/** Sends a file, which may be the standard input, to a server; it makes an instance of it. */
export async function importInstance(ctx: Context, server: Server, file: string, name: string | undefined, pool: string): Promise<void> {
  const stdin = file === "-";
  const total = stdin ? 0 : (await stat(file).catch((cause: unknown) => {
    throw new CliError(`open ${file}: no such file or directory`, { cause });
  })).size;
  const progress = new ProgressLine(ctx.globals.quiet || stdin);
  const source = stdin ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  try {
    const show = (count: number, rate: number) => progress.update(`Importing instance: ${Math.floor((count / total) * 100)}% (${formatSize(rate)}/s)`);
    const operation = await server.client.createInstance({
      headers: { "content-type": "application/octet-stream", ...(name ? { "x-lxd-name": name } : {}), ...(pool ? { "x-lxd-pool": pool } : {}) },
      body: counted(source as AsyncIterable<Uint8Array>, show),
    });
    progress.done();
    await server.follow(operation, "Importing instance: ");
  } finally {
    progress.done();
  }
}
