// Compressing a stream on all processors: gzip in blocks by threads of this process (members of a gzip file may follow each
// other), everything else by the program that knows it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { splitCompression } from "../server/api/config-keys/compression.ts";
import { fail } from "../server/api/errors.ts";
import { childEnv, lastWords, spawnError } from "../server/host/run.ts";

/** Bytes of a block: large enough that little is lost at its ends, small enough that two processors are busy soon. */
const blockLength = 1024 * 1024;
/** Node has four threads for such work, and for files. */
const threads = Math.min(3, availableParallelism());

type Bytes = AsyncIterable<Buffer>;
export type Compress = (source: Bytes, signal: AbortSignal) => Bytes;

/** Cuts a stream into pieces of one length; the last one is what is left. */
async function* inBlocks(source: Bytes): AsyncGenerator<Buffer> {
  let [parts, length]: [Buffer[], number] = [[], 0];
  for await (const chunk of source) {
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, blockLength - length);
      parts.push(part);
      length += part.length;
      rest = rest.subarray(part.length);
      if (length < blockLength) continue;
      yield Buffer.concat(parts);
      [parts, length] = [[], 0];
    }
  }
  if (length > 0) yield Buffer.concat(parts);
}

const compressBlock = promisify<Buffer, { level: number }, Buffer>(gzip);

async function* gzipBlocks(source: Bytes, level: number): AsyncGenerator<Buffer> {
  const waiting: Promise<Buffer>[] = [];
  for await (const block of inBlocks(source)) {
    const work = compressBlock(block, { level });
    work.catch(() => {}); // it is awaited in its turn
    waiting.push(work);
    if (waiting.length > threads) yield await (waiting.shift() as Promise<Buffer>);
  }
  for (const work of waiting) yield await work;
}

async function* throughProgram(command: readonly [string, ...string[]], source: Bytes, signal: AbortSignal): AsyncGenerator<Buffer> {
  const [tool, ...args] = command;
  const child = spawn("setpriv", ["--pdeathsig=KILL", "--", tool, ...args], { cwd: "/", env: childEnv(), stdio: ["pipe", "pipe", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => { words = (words + chunk.toString()).slice(-4096); });
  const ended = ending(child, tool);
  ended.catch(() => {});
  const fed = feed(child, source);
  fed.catch(kill);
  try {
    yield* child.stdout as Bytes;
    const code = await ended;
    await fed;
    signal.throwIfAborted();
    if (code !== 0) throw code === 127 ? spawnError(tool, Object.assign(new Error(words), { code: "ENOENT" })) : fail("tool_failed", { tool, reason: lastWords(words) || `exit status ${code}` });
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

async function ending(child: ChildProcess, tool: string): Promise<number | null> {
  try {
    return ((await once(child, "close")) as [number | null])[0];
  } catch (cause) {
    throw spawnError(tool, cause);
  }
}

/** What it does not take any more is not an error: its exit status tells. */
async function feed(child: ChildProcess, source: Bytes): Promise<void> {
  const input = child.stdin;
  if (!input) return;
  let closed = false;
  input.on("error", () => { closed = true; });
  const gone = once(child, "close");
  gone.catch(() => {});
  for await (const chunk of source) {
    if (closed) break;
    if (!input.write(chunk)) await Promise.race([once(input, "drain"), gone]).catch(() => {});
  }
  input.end();
}

const gzipLevels: Readonly<Record<string, number>> = { "--fast": 1, "--best": 9 };
/** When none is told: little more than half the time of gzip's own 6, for files that are a fortieth larger. */
const usualLevel = 4;

function gzipLevel(options: readonly string[]): number {
  const level = options.findLast((option) => /^-\d$/.test(option) || Object.hasOwn(gzipLevels, option));
  return level === undefined ? usualLevel : gzipLevels[level] ?? Number(level.slice(1));
}

const threaded = (options: readonly string[]) => (options.some((option) => /^-T|^--threads/.test(option)) ? [] : ["-T0"]);

/** The compressor that a checked value names, `gzip -9` say. A squashfs is no stream: see `squashfsWriter`. */
export function compressorOf(value: string): Compress {
  const { name, options } = splitCompression(value);
  switch (name) {
    case "none": return (source) => source;
    case "gzip":
    case "pigz": return (source) => gzipBlocks(source, gzipLevel(options));
    case "xz": return (source, signal) => throughProgram(["xz", "-c", ...threaded(options), ...options], source, signal);
    case "lzma": return (source, signal) => throughProgram(["xz", "-c", "--format=lzma", ...options], source, signal);
    case "zstd": return (source, signal) => throughProgram(["zstd", "-cq", ...threaded(options), ...options], source, signal);
    case "bzip2": return (source, signal) => throughProgram(["bzip2", "-c", ...options], source, signal);
    default: throw fail("invalid_config_value", { key: "compression_algorithm", reason: `"${value.slice(0, 80)}": it is none that compresses a stream` });
  }
}

/** Writes a tarball's members into a squashfs, a new file: of zstd, which is read many times as fast as xz whenever an instance uses it. */
export function squashfsWriter(target: string): (source: Bytes, signal: AbortSignal) => Promise<void> {
  return async (source, signal) => {
    const output = throughProgram(["sqfstar", "-quiet", "-no-progress", "-comp", "zstd", target], source, signal);
    for await (const words of output) void words;
  };
}
