// One rsync on each side, and their words on a channel between: LXD's way to carry files, with LXD's arguments.
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fail } from "../../api/errors.ts";
import type { Room } from "../../host/room.ts";
import { run } from "../../host/run.ts";
import type { Lent } from "../../storage/driver.ts";
import { ending, programError, startLockedReader, startWriter } from "../../storage/programs.ts";
import { feed } from "../backups/parts.ts";
import type { Channel } from "./channel.ts";
import { quickChecksums, type RsyncFeatures, wholeFiles } from "./header.ts";

export interface RsyncOptions {
  features: RsyncFeatures;
  /** What both are beyond LXD: 0, `wholeFiles` or `quickChecksums`. */
  berth: number;
  signal: AbortSignal;
  tell: (bytes: number) => void;
}

let ownLevel: Promise<number> | undefined;

/** What this machine's rsync can do beyond LXD. */
export function berthLevel(): Promise<number> {
  ownLevel ??= run("rsync", ["--version"]).then(({ stdout }) => (/^Checksum list:/m.test(stdout) ? quickChecksums : wholeFiles), () => wholeFiles);
  return ownLevel;
}

function featureArguments({ features }: RsyncOptions): string[] {
  return [
    ...(features.xattrs ? ["--xattrs", "--filter=-x security.selinux"] : []), ...(features.delete ? ["--delete"] : []),
    ...(features.compress ? ["--compress", "--compress-level=2"] : []),
  ];
}

/**
 * What rsync takes for its way to the other machine: its words go to and come from descriptors that it has got. It ends when the
 * other side has no more to say: rsync waits for that.
 */
const relay = "sh -c 'exec 5<&0; cat <&5 >&4 & exec cat <&3'";

/** Files that vanish while they are read. */
const vanished = 24;

/** Sends the folder `files` of what was lent. `allowVanished`: the files may change meanwhile. `limit`: of rsync's, per second; 0 for none. */
export async function sendFiles(lent: Lent, channel: Channel, options: RsyncOptions, { allowVanished, limit }: { allowVanished: boolean; limit: string }): Promise<void> {
  const child = startLockedReader(lent, [
    "rsync", "-ar", "--devices", "--numeric-ids", "--partial", "--sparse", `--bwlimit=${limit}`, ...(options.berth >= wholeFiles ? ["--hard-links", "--acls"] : []), ...featureArguments(options),
    "/files/", "server:/files", "-e", relay,
  ], ["ignore", "ignore", "pipe", "pipe", "pipe"]);
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const code = await carry(child, input, output, channel, options, "the files");
  if (code !== 0 && !(allowVanished && code === vanished)) throw fail("migration_failed", { reason: `rsync ended with ${code}` });
}

/** Receives files into the folder `files` of a room. */
export async function receiveFiles(room: Room, channel: Channel, options: RsyncOptions): Promise<void> {
  const letters = options.berth >= wholeFiles ? "-vlHogDtpAre.iLsfx" : "-vlogDtpre.iLsfx";
  const child = startWriter(room, [
    "rsync", "--server", options.berth >= quickChecksums ? `${letters}v` : letters, "--numeric-ids", "--devices", "--partial", "--sparse", ...featureArguments(options),
    ...(options.features.xattrs ? ["--filter=-x trusted.*"] : []), ".", "/files/",
  ], ["pipe", "pipe", "pipe"]);
  const code = await carry(child, child.stdin as Writable, child.stdout as Readable, channel, options, room.root);
  if (code !== 0) throw fail("migration_failed", { reason: `rsync ended with ${code}` });
}

/** Carries what an rsync says and hears; gives its exit status. */
async function carry(child: ChildProcess, input: Writable, output: Readable, channel: Channel, { signal, tell }: RsyncOptions, target: string): Promise<number> {
  const end = ending("rsync", child, signal);
  const hearing = feed(counted(channel.stream(), tell), input);
  const saying = (async () => {
    for await (const chunk of output as AsyncIterable<Buffer>) {
      tell(chunk.length);
      await channel.send(chunk);
    }
    channel.endStream();
  })();
  const stop = () => child.kill("SIGKILL");
  hearing.catch(stop);
  saying.catch(stop);
  const ended = end.then((how) => {
    if (how.code === null || (how.code !== 0 && how.code !== vanished)) throw programError("rsync", how, target);
    return how.code;
  });
  ended.catch(() => {});
  try {
    const code = await Promise.race([ended, Promise.all([hearing, saying]).then(() => ended)]);
    await Promise.all([hearing, saying]);
    return code;
  } catch (error) {
    stop();
    for (const stream of [input, output]) stream.destroy();
    throw error;
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    tell(chunk.length);
    yield chunk;
  }
}
