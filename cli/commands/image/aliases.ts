// Gives aliases to an image that has just come.
import type { Alias, Image } from "../../../server/api/images.ts";
import { prefixed } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";

/** Gives the aliases to the image; who had one of them loses it. Resolves to those that had. */
export async function replaceAliases(server: Pick<Server, "client">, names: readonly string[], target: string, project?: string): Promise<string[]> {
  if (names.length === 0) return [];
  const inProject = project === undefined ? {} : { project };
  const existing = (await server.client.listAliases({ recursion: "1", ...inProject })) as Alias[];
  for (const name of names) {
    if (existing.some((alias) => alias.name === name)) {
      await server.client.deleteAlias({ ...inProject, name }).catch((error: unknown) => {
        throw prefixed(`Failed to remove alias ${name}`, error);
      });
    }
    await server.client.createAlias({ ...inProject, body: { name, description: "", target } }).catch((error: unknown) => {
      throw prefixed(`Failed to create alias ${name}`, error);
    });
  }
  const losers = existing.filter((alias) => names.includes(alias.name) && alias.target !== target).map((alias) => alias.target);
  return [...new Set(losers)];
}

export const reuseFlag = { kind: "bool", description: "Delete the image that had the alias, when it has no other" } as const;

/** What --alias and --reuse ask for. */
export async function takeAliases(server: Server, { alias, reuse }: { alias: readonly string[]; reuse: boolean }, fingerprint: string): Promise<void> {
  const losers = await replaceAliases(server, alias, fingerprint);
  if (reuse) await deleteNameless(server, losers);
}

/** Deletes those of some images that have no name any more: a newer one has taken their place. */
async function deleteNameless(server: Server, fingerprints: readonly string[]): Promise<void> {
  for (const fingerprint of fingerprints) {
    const { aliases }: Image = await server.client.getImage({ fingerprint });
    if (aliases.length === 0) await server.follow(await server.client.deleteImage({ fingerprint }));
  }
}
