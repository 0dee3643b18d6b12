// Runs `ip` and `bridge` with lines that were made of checked values.
import { isCode } from "../../api/errors.ts";
import { run } from "../../host/run.ts";

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** Runs lines of `ip` on the host, or in a process's network namespace; the first that fails ends it. Throws `tool_failed`, `tool_missing`. */
export async function runIp(lines: readonly string[], inside?: number): Promise<void> {
  if (lines.length === 0) return;
  if (inside === undefined) await run("ip", ["-batch", "-"], { input: text(lines) });
  else await run("nsenter", ["-t", String(inside), "-n", "ip", "-batch", "-"], { input: text(lines) });
}

/** Runs all lines of `ip`; what is there already is fine. Throws `tool_failed` for anything else. */
export async function ensureIp(lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  for (const line of lines) {
    await run("ip", line.split(" ")).catch((error) => {
      if (!isCode(error, "tool_failed") || !/File exists/.test(String(error.details["reason"]))) throw error;
    });
  }
}

/** Runs all lines of `ip`, for taking things away: what is gone already is fine. */
export async function forgetIp(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("ip", ["-force", "-batch", "-"], { input: text(lines) }).catch(() => {});
}

/** Runs lines of `bridge`. Throws `tool_failed`, `tool_missing`. */
export async function runBridge(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("bridge", ["-batch", "-"], { input: text(lines) });
}
