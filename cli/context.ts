// What a command is given: the servers that its arguments name, and ways to say something.
import type { GlobalValues } from "./command.ts";
import { CliError } from "./errors.ts";
import { assertFormat, type Listing, renderListing } from "./output/render.ts";
import { forYaml, type Shape } from "./output/shape.ts";
import { isTerminal, terminalWidth } from "./output/terminal.ts";
import { writeNow } from "./output/write.ts";
import { renderYaml } from "./output/yaml.ts";
import { type ClientConfig, emptyConfig, loadConfig } from "./remotes/config.ts";
import { type Server, serverOf } from "./remotes/server.ts";

/** What an argument `remote:name` means. */
export interface Target {
  server: Server;
  /** Empty when the argument names a server only, or nothing. */
  name: string;
}

export interface Context {
  readonly globals: GlobalValues;
  readonly env: NodeJS.ProcessEnv;
  /** The user's remotes and aliases. */
  readonly config: ClientConfig;
  /** The remote that is meant when none is named. */
  readonly defaultRemote: string;
  /** The socket of the machine's own daemon. */
  readonly socketPath: string;
  /** Takes `[remote:]name` apart; without a remote the default one is meant. With `what` there has to be a name. */
  resolve(argument?: string, what?: string): Target;
  /** What has been asked for so far, for the hint when there is no such thing. */
  readonly resolved: readonly Target[];
  /** The server of a remote. */
  serverOf(remote: string): Server;
  /** Whether text can come from somewhere else than a terminal: a file or a pipe. */
  readonly hasInput: boolean;
  /** To stdout, as it is. */
  write(text: string): void;
  /** A line to stdout. */
  print(line: string): void;
  /** A line to stdout, unless --quiet. */
  say(line: string): void;
  /** A line to stderr. */
  warn(line: string): void;
  /** Prints a list; `make` is called only when the format is one. */
  list(format: string, make: () => Promise<Listing>): Promise<void>;
  show(value: unknown, shape: Shape): void;
  /** All of stdin. */
  readInput(): Promise<string>;
}

/** Where berthd listens: `$BERTH_SOCKET`, `$BERTH_DIR/unix.socket` or the system's. */
export function findSocket(env: NodeJS.ProcessEnv): string {
  return env["BERTH_SOCKET"] || `${env["BERTH_DIR"] || "/var/lib/berth"}/unix.socket`;
}

/**
 * The remote and the name of an argument `remote:name`. Snapshots may have a colon in their names: `c1/a:b` is one of the
 * default remote.
 */
export function splitRemote(argument: string, config: Pick<ClientConfig, "remotes" | "defaultRemote">): { remote: string; name: string } {
  const colon = argument.indexOf(":");
  const remote = argument.slice(0, Math.max(0, colon));
  if (colon < 0 || (config.remotes[remote] === undefined && remote.includes("/"))) return { remote: config.defaultRemote, name: argument };
  return { remote, name: argument.slice(colon + 1) };
}

/** `loaded` is the configuration, when it has been read already. */
export async function createContext(globals: GlobalValues, env: NodeJS.ProcessEnv, loaded?: ClientConfig): Promise<Context> {
  const config = globals["force-local"] ? emptyConfig(env) : (loaded ?? (await loadConfig(env)));
  const defaultRemote = (globals["force-local"] ? "" : env["BERTH_REMOTE"]) || config.defaultRemote;
  const socketPath = findSocket(env);
  const resolved: Target[] = [];
  const servers = new Map<string, Server>();
  const write = (text: string) => writeNow(1, text);
  const print = (line: string) => write(`${line}\n`);
  const findServer = (remote: string) => {
    const project = globals.project || env["BERTH_PROJECT"] || config.remotes[remote]?.project || "";
    const server = servers.get(remote) ?? serverOf(config, remote, { project, socketPath, debug: globals.debug, quiet: globals.quiet });
    servers.set(remote, server);
    return server;
  };
  return {
    globals, env, config, defaultRemote, socketPath, resolved, write, print,
    serverOf: findServer,
    resolve(argument = "", what) {
      const { remote, name } = splitRemote(argument, { remotes: config.remotes, defaultRemote });
      if (what !== undefined && name === "") throw new CliError(`Missing ${what} name`);
      const target = { server: findServer(remote), name };
      resolved.push(target);
      return target;
    },
    get hasInput() {
      return !isTerminal(0);
    },
    say: (line) => {
      if (!globals.quiet) print(line);
    },
    warn: (line) => writeNow(2, `${line}\n`),
    async list(format, make) {
      assertFormat(format);
      const listing = await make();
      write(renderListing(format, listing, terminalWidth()));
    },
    show: (value, shape) => write(renderYaml(forYaml(value, shape))),
    async readInput() {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(part as Uint8Array);
      return Buffer.concat(parts).toString("utf8");
    },
  };
}
