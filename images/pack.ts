// Making an image of a root file system: one tarball with metadata.yaml, templates/ and rootfs/, packed, compressed, hashed and
// written in one pass. Owners are the guest's own ids.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { splitCompression } from "../server/api/config-keys/compression.ts";
import { fail } from "../server/api/errors.ts";
import { childEnv, lastWords, spawnError } from "../server/host/run.ts";
import { compressorOf, squashfsWriter } from "./compressor.ts";
import { packMembers, type NewMember } from "./tar-write.ts";

export interface PackSource {
  metadata: string;
  /** File name → text. */
  templates: ReadonlyMap<string, Buffer>;
  rootfs: string;
  /** A user namespace in which the owners on the disk are the guest's ids; undefined when they are so without. */
  namespace: number | undefined;
  /** Seconds since 1970, of the members that are no files on the disk. */
  mtime: number;
}

export interface PackOptions {
  /** As in `images.compression_algorithm`. */
  compression: string;
  signal: AbortSignal;
  /** Hears of each piece of the tarball before it is compressed, in bytes. */
  packed?: (bytes: number) => void;
}

export interface Packed {
  fingerprint: string;
  /** Bytes of the file. */
  size: number;
}

function frontMembers({ metadata, templates, mtime }: PackSource): NewMember[] {
  const file = (name: string, data: Buffer) => ({ name, data, mode: 0o644, mtime });
  const folder = { name: "templates/", data: Buffer.alloc(0), mode: 0o755, mtime };
  return [
    file("metadata.yaml", Buffer.from(metadata)),
    ...(templates.size > 0 ? [folder] : []),
    ...[...templates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, data]) => file(`templates/${name}`, data)),
  ];
}

/** Sockets are left out: nobody listens at those of an image. Names and hard links get the prefix, what symlinks point to does not. */
const tarArguments = [
  "-c", "-f", "-", "--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "--numeric-owner", "--sort=name",
  "--xattrs", "--xattrs-include=user.*", "--xattrs-include=security.capability", "--acls", "--sparse", "--warning=no-file-ignored",
  "--transform=s,^\\.\\(/\\|$\\),rootfs\\1,S", ".",
];

/** Starts tar in the root file system, whatever lies above it, as the root of the guest's ids. It does not outlive the daemon. */
function startTar({ rootfs, namespace }: PackSource): ChildProcess {
  const command = ["setpriv", "--pdeathsig=KILL", "--", "tar", ...tarArguments];
  const [tool = "", ...args] = namespace === undefined ? command : ["nsenter", "--user=/proc/self/fd/3", "--setuid", "0", "--setgid", "0", ...command];
  return spawn(tool, args, { cwd: rootfs, env: childEnv(), stdio: ["ignore", "pipe", "pipe", ...(namespace === undefined ? [] : [namespace])] });
}

async function* tarball(source: PackSource, { signal, packed }: PackOptions): AsyncGenerator<Buffer> {
  const front = packMembers(frontMembers(source));
  packed?.(front.length);
  yield front;
  const child = startTar(source);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4096); });
  const closed = once(child, "close") as Promise<[number | null]>;
  closed.catch(() => {});
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      packed?.(chunk.length);
      yield chunk;
    }
    const [code] = await closed.catch((cause) => { throw spawnError("tar", cause); });
    signal.throwIfAborted();
    if (code !== 0) throw fail("tool_failed", { tool: "tar", reason: lastWords(words) || `exit status ${code ?? "unknown"}` });
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** Packs into `target`, a new file; a half-written one is left to the caller. Throws `tool_failed`, `tool_missing`, or the signal's reason. */
export async function packImage(source: PackSource, target: string, options: PackOptions): Promise<Packed> {
  if (splitCompression(options.compression).name === "squashfs") return packSquashfs(source, target, options);
  const compress = compressorOf(options.compression);
  const hash = createHash("sha256");
  let size = 0;
  async function* counted(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await pipeline(counted(compress(tarball(source, options), options.signal)), createWriteStream(target, { mode: 0o600, highWaterMark: 1024 * 1024 }));
  options.signal.throwIfAborted();
  return { fingerprint: hash.digest("hex"), size };
}

/** A squashfs is not written from front to back, so it is read once more for its hash. */
async function packSquashfs(source: PackSource, target: string, options: PackOptions): Promise<Packed> {
  await squashfsWriter(target)(tarball(source, options), options.signal);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(target, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { fingerprint: hash.digest("hex"), size };
}
