// Starts a command of a recipe in its jail.
import { fileURLToPath } from "node:url";
import type { JailRequest } from "./jail.ts";
import { type Ending, type Log, runStreamed } from "./stream.ts";

export interface SandboxOptions {
  root: string;
  cwd?: string | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  network?: boolean | undefined;
  /** Seconds since 1970: what programs that ask for it take for now. */
  created: number;
  log: Log;
  signal?: AbortSignal | undefined;
}

const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--propagation", "private"];

const environment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C.UTF-8", TERM: "dumb",
  DEBIAN_FRONTEND: "noninteractive",
};

/** The machine's own proxies, for a command that may use its network. */
function proxies(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => /^(https?|ftp|no|all)_proxy$/i.test(entry[0]) && entry[1] !== undefined));
}

/** Runs a command in a root file system, as its root, with a script of the program itself in between. */
export function runInRoot(command: readonly string[], { root, cwd, env, network = false, created, log, signal }: SandboxOptions): Promise<Ending> {
  const request: JailRequest = {
    root, command, cwd: cwd ?? "/", network,
    env: { ...environment, SOURCE_DATE_EPOCH: String(created), ...(network ? proxies() : {}), ...env },
  };
  const program = fileURLToPath(import.meta.url);
  return runStreamed("unshare", [...namespaces, ...(network ? [] : ["--net"]), "--", process.execPath, program, "jail", JSON.stringify(request)], { log, signal });
}
