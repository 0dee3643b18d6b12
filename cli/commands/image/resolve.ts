// Image names: an alias, or a fingerprint or its beginning.
import { isCode } from "../../../server/api/errors.ts";
import type { Server } from "../../remotes/server.ts";

/** The fingerprint an alias stands for; anything else is one, or the beginning of one, itself. */
export async function resolveAlias(server: Pick<Server, "client">, name: string): Promise<string> {
  if (name === "") return resolveAlias(server, "default");
  try {
    return (await server.client.getAlias({ name })).target;
  } catch (error) {
    if (isCode(error, "alias_not_found") || isCode(error, "not_found")) return name;
    throw error;
  }
}
