// The same thing to several instances at once.
import type { Context } from "../../context.ts";
import { CliError, hintOf, messageOf } from "../../errors.ts";

/** Runs an action for every name, in parallel. One name: its error is thrown; several: they are listed. */
export async function runBatch(ctx: Context, verb: string, names: readonly string[], action: (name: string) => Promise<void>): Promise<void> {
  if (names.length === 1 && names[0] !== undefined) return action(names[0]);
  const failures: string[] = [];
  await Promise.all(
    names.map((name) =>
      action(name).catch((error: unknown) => {
        const hint = hintOf(error);
        failures.push(`error: ${messageOf(error)}${hint ? `\nhint: ${hint}` : ""}`.split("\n").map((line) => `${name}: ${line}`).join("\n"));
      }),
    ),
  );
  if (failures.length === 0) return;
  for (const failure of failures) ctx.warn(failure);
  ctx.warn("");
  throw new CliError(`Some instances failed to ${verb}`);
}
