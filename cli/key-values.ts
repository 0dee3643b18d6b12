// `key=value` arguments.
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";

/** Splits at the first `=`; throws `<complaint>: <argument>` when there is none. */
export function splitPair(argument: string, complaint: string): [string, string] {
  const equals = argument.indexOf("=");
  if (equals < 0) throw new CliError(`${complaint}: ${argument}`);
  return [argument.slice(0, equals), argument.slice(equals + 1)];
}

/** `key=value…` or, as lxc of old, `key value`. A value `-` is read from stdin. */
export async function readPairs(ctx: Pick<Context, "hasInput" | "readInput">, args: readonly string[]): Promise<Record<string, string>> {
  const [first, second] = args;
  const pairs: [string, string][] =
    args.length === 2 && first !== undefined && second !== undefined && !first.includes("=")
      ? [[first, second]]
      : args.map((argument) => splitPair(argument, "Invalid key=value configuration"));
  for (const pair of pairs) {
    if (pair[1] === "-" && ctx.hasInput) pair[1] = await ctx.readInput();
  }
  return Object.fromEntries(pairs);
}
