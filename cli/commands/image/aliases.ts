// Gives aliases to an image that has just come.
import type { Alias } from "../../../server/api/images.ts";
import type { Context } from "../../context.ts";
import { prefixed } from "../../errors.ts";

/** Gives the aliases to the image; who had one of them loses it. */
export async function replaceAliases(ctx: Pick<Context, "client">, names: readonly string[], target: string): Promise<void> {
  if (names.length === 0) return;
  const existing = (await ctx.client.listAliases({ recursion: "1" })) as Alias[];
  for (const name of names) {
    if (existing.some((alias) => alias.name === name)) {
      await ctx.client.deleteAlias({ name }).catch((error: unknown) => {
        throw prefixed(`Failed to remove alias ${name}`, error);
      });
    }
    await ctx.client.createAlias({ body: { name, description: "", target } }).catch((error: unknown) => {
      throw prefixed(`Failed to create alias ${name}`, error);
    });
  }
}
