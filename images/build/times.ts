// Dates: a build's own date, and no file that is younger than it.
import { run } from "../../server/host/run.ts";

/** When the youngest file of a folder was changed, in seconds since 1970. */
export async function newestFile(folder: string, signal?: AbortSignal): Promise<number> {
  const { stdout } = await run("find", [folder, "-xdev", "-type", "f", "-printf", "%T@\\n"], signal ? { signal } : {});
  let newest = 0;
  for (const line of stdout.split("\n")) newest = Math.max(newest, Number.parseInt(line, 10) || 0);
  return newest;
}

/**
 * Gives whatever was changed after a moment that moment for its time: files that a build has made carry its date, those of
 * packages keep theirs, by which compiled Python knows its source.
 */
export async function clampTimes(folder: string, seconds: number, signal?: AbortSignal): Promise<void> {
  await run("find", [folder, "-xdev", "-newermt", `@${seconds}`, "-execdir", "touch", "--no-dereference", `--date=@${seconds}`, "--", "{}", "+"], signal ? { signal } : {});
}
