// The images that a remote has, whatever protocol it speaks.
import type { Alias, Image } from "../../../server/api/images.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { resolveAlias } from "./resolve.ts";

async function streamImages(server: Server): Promise<Image[]> {
  const { callImageTool } = await import("../../image-tools.ts");
  return callImageTool<Image[]>("streams", { url: server.settings.addr });
}

/** All images; of a server of LXD's kind those that pass its filter. */
export async function imagesOf(server: Server, filter = ""): Promise<Image[]> {
  if (server.isSimplestreams) return streamImages(server);
  return (await server.client.listImages({ recursion: "1", ...(filter ? { filter } : {}) })) as Image[];
}

/** One image, by alias or by the beginning of its fingerprint. */
export async function imageOf(server: Server, name: string): Promise<Image> {
  if (!server.isSimplestreams) return server.client.getImage({ fingerprint: await resolveAlias(server, name) });
  const images = await streamImages(server);
  const wanted = name || "default";
  const found = images.find((image) => image.aliases.some((alias) => alias.name === wanted)) ?? images.find((image) => /^[0-9a-f]{6,64}$/.test(wanted) && image.fingerprint.startsWith(wanted));
  if (!found) throw new CliError(`The requested image couldn't be found: ${wanted}`, { hint: `berth image list ${server.remote}: shows those there are.` });
  return found;
}

export async function aliasesOf(server: Server): Promise<Alias[]> {
  if (!server.isSimplestreams) return (await server.client.listAliases({ recursion: "1" })) as Alias[];
  return (await streamImages(server)).flatMap(({ aliases, fingerprint, type }) => aliases.map(({ name, description }) => ({ name, description, target: fingerprint, type })));
}
