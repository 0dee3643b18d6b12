// Gives aliases to an image that has just come.
import type { Alias } from "../../../server/api/images.ts";
import { prefixed } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";

/** Gives the aliases to the image; who had one of them loses it. */
export async function replaceAliases(server: Pick<Server, "client">, names: readonly string[], target: string, project?: string): Promise<void> {
  if (names.length === 0) return;
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
}
