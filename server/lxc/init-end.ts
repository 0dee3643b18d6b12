// How a guest's init came to its end. Only liblxc's monitor, its parent, learns the exit status, and tells it in its log
// at level INFO: "Child <PID> ended on signal Killed(9)" or "… on error (1)", and nothing for status 0. A shutdown or reboot
// from inside is reboot(2), for which the kernel ends the init of a pid namespace by SIGINT or SIGHUP. The post-stop
// hook is told no more than "stop" or "reboot", so a log at level WARN leaves the end unknown.
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";

export type InitEnd = "clean" | "crash" | "unknown";

const { SIGHUP, SIGINT } = constants.signals;

/** What the log of the last run says. Pure. */
export function initEndIn(log: string): InitEnd {
  if (!/ INFO /.test(log)) return "unknown";
  const [, how, number] = [...log.matchAll(/ended on (error|signal) [^\n()]*\((\d+)\)/gi)].at(-1) ?? [];
  if (how === undefined) return /post-stop/.test(log) ? "clean" : "crash"; // without its hook the monitor was killed, too
  return how === "signal" && [SIGINT, SIGHUP].includes(Number(number)) ? "clean" : "crash";
}

export function readInitEnd(logFile: string): InitEnd {
  return existsSync(logFile) ? initEndIn(readFileSync(logFile, "utf8")) : "unknown";
}
