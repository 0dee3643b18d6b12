// Names on the command line. lxc writes them with a remote in front (`local:c1`); Berth knows only
// its own machine so far.
import { CliError } from "./errors.ts";

/** The name without `local:`. Throws when another remote is meant. */
export function stripRemote(argument: string): string {
  const colon = argument.indexOf(":");
  if (colon < 0) return argument;
  const remote = argument.slice(0, colon);
  if (remote === "local") return argument.slice(colon + 1);
  throw new CliError(`The remote "${remote}" doesn't exist`, { hint: "Berth has no remotes yet: name things of this machine, with or without local: in front." });
}

/** The name of something that has to be given. */
export function nameOf(argument: string | undefined, what: string): string {
  const name = stripRemote(argument ?? "");
  if (name === "") throw new CliError(`Missing ${what} name`);
  return name;
}

/** `c1/s0` is a snapshot of `c1`. */
export function splitSnapshot(name: string): { instance: string; snapshot: string | undefined } {
  const slash = name.indexOf("/");
  return slash < 0 ? { instance: name, snapshot: undefined } : { instance: name.slice(0, slash), snapshot: name.slice(slash + 1) };
}

/** For lists without filters: nothing, or `local:`. */
export function assertNoFilter(args: readonly string[]): void {
  if (stripRemote(args[0] ?? "") !== "") throw new CliError("Filtering isn't supported yet");
}
