// What a command is given: the client, and ways to say something.
import { isatty } from "node:tty";
import { type Client, createClient, type Transport, type TransportRequest } from "../server/api/client.ts";
import type { Operation } from "../server/api/operations.ts";
import type { GlobalValues } from "./command.ts";
import { followOperation } from "./operation.ts";
import { assertFormat, type Listing, renderListing } from "./output/render.ts";
import { forYaml, type Shape } from "./output/shape.ts";
import { writeNow } from "./output/write.ts";
import { renderYaml } from "./output/yaml.ts";
import { UnixTransport } from "./transport/unix.ts";

export interface Context {
  readonly globals: GlobalValues;
  readonly socketPath: string;
  readonly client: Client;
  /** For what the client has no method for: raw queries. The project is added here, too. */
  readonly transport: Transport;
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
  /** Waits until an operation has ended; throws when it failed. */
  follow(operation: Operation, prefix?: string): Promise<Operation>;
  /** Reads something together with the headers that keep a PUT from undoing another's change. */
  readForChange<T>(read: () => Promise<T>): Promise<{ value: T; headers: Record<string, string> }>;
  /** All of stdin. */
  readInput(): Promise<string>;
}

/** Where berthd listens: `$BERTH_SOCKET`, `$BERTH_DIR/unix.socket` or the system's. */
export function findSocket(env: NodeJS.ProcessEnv): string {
  return env["BERTH_SOCKET"] || `${env["BERTH_DIR"] || "/var/lib/berth"}/unix.socket`;
}

/** Adds `?project=` to a path unless it names one or takes none. */
export function withProject(path: string, project: string): string {
  if (project === "" || project === "default" || /[?&](project|all-projects)=/.test(path)) return path;
  return `${path}${path.includes("?") ? "&" : "?"}project=${encodeURIComponent(project)}`;
}

export function createContext(globals: GlobalValues, env: NodeJS.ProcessEnv): Context {
  const socketPath = findSocket(env);
  const unix = new UnixTransport(socketPath);
  let etag: string | undefined;
  const transport: Transport = {
    async request(request: TransportRequest) {
      const path = withProject(request.path, globals.project);
      if (globals.debug) writeNow(2, `${request.method} ${path}${typeof request.body === "string" ? ` ${request.body}` : ""}\n`);
      const response = await unix.request({ ...request, path });
      if (globals.debug) writeNow(2, `${request.method} ${path}: ${response.status}\n`);
      etag = response.headers["etag"];
      return response;
    },
  };
  const client = createClient(transport);
  const write = (text: string) => writeNow(1, text);
  const print = (line: string) => write(`${line}\n`);
  return {
    globals, socketPath, client, transport, write, print,
    get hasInput() {
      return !isatty(0);
    },
    say: (line) => {
      if (!globals.quiet) print(line);
    },
    warn: (line) => writeNow(2, `${line}\n`),
    async list(format, make) {
      assertFormat(format);
      write(renderListing(format, await make()));
    },
    show: (value, shape) => write(renderYaml(forYaml(value, shape))),
    follow: (operation, prefix) => followOperation(client, operation, { quiet: globals.quiet, prefix }),
    async readForChange(read) {
      const value = await read();
      const headers: Record<string, string> = {};
      if (etag !== undefined) headers["if-match"] = etag.replace(/^W\//, "");
      return { value, headers };
    },
    async readInput() {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(part as Uint8Array);
      return Buffer.concat(parts).toString("utf8");
    },
  };
}
