// What to say when berthd cannot be reached, and what to do about it.
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CliError } from "../errors.ts";

/** Turns the error of a connection attempt into one that names the socket and the way out. */
export function explainConnectError(cause: unknown, path: string): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new CliError(`There is no berthd socket at ${path}`, {
        hint: "is berthd running? Start it as root (berthd --group berth), or name its socket: BERTH_SOCKET=PATH berth …", cause,
      });
    case "ECONNREFUSED":
      return new CliError(`Nobody answers at ${path}`, {
        hint: "berthd is not running; start it as root: berthd --group berth", cause,
      });
    case "EACCES":
    case "EPERM":
      return new CliError(`Permission denied: you may not use ${path}`, { hint: permissionHint(path), cause });
    default:
      return cause;
  }
}

function permissionHint(path: string): string {
  const group = groupOf(path) ?? groupOf(dirname(path));
  if (group === undefined || group === "root") return "run berth as root, or start berthd with --group GROUP and join that group.";
  return `it belongs to group "${group}": join it (sudo usermod -aG ${group} $USER) and log in again.`;
}

function groupOf(path: string): string | undefined {
  try {
    const { gid } = statSync(path);
    const line = readFileSync("/etc/group", "utf8").split("\n").find((entry) => entry.split(":")[2] === String(gid));
    return line?.split(":")[0] ?? String(gid);
  } catch {
    return undefined;
  }
}
