// Image names: an alias, or a fingerprint or its beginning.
import { isCode } from "../../../server/api/errors.ts";
import type { Context } from "../../context.ts";

/** The fingerprint an alias stands for; anything else is one, or the beginning of one, itself. */
export async function resolveAlias(ctx: Pick<Context, "client">, name: string): Promise<string> {
  if (name === "") return resolveAlias(ctx, "default");
  try {
    return (await ctx.client.getAlias({ name })).target;
  } catch (error) {
    if (isCode(error, "alias_not_found") || isCode(error, "not_found")) return name;
    throw error;
  }
}
