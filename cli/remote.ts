// Parts of names on the command line.
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";
import type { Server } from "./remotes/server.ts";

/** `c1/s0` is a snapshot of `c1`. */
export function splitSnapshot(name: string): { instance: string; snapshot: string | undefined } {
  const slash = name.indexOf("/");
  return slash < 0 ? { instance: name, snapshot: undefined } : { instance: name.slice(0, slash), snapshot: name.slice(slash + 1) };
}

/** For lists without filters: nothing, or a remote. */
export function listedServer(ctx: Context, args: readonly string[]): Server {
  const { server, name } = ctx.resolve(args[0]);
  if (name !== "") throw new CliError("Filtering isn't supported yet");
  return server;
}
