// The image that an instance is made of, wherever it is: what to tell the server about it.
import type { InstancesPost } from "../../../server/api/instances.ts";
import type { Operation } from "../../../server/api/operations.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { resolveAlias } from "./resolve.ts";

export type ImageSource = NonNullable<InstancesPost["source"]>;

/** The source for a server that is to make an instance of `[remote:]image`. */
export async function imageSource(ctx: Context, destination: Server, argument: string): Promise<ImageSource> {
  const { server, name } = ctx.resolve(argument);
  if (server === destination) return { type: "image", fingerprint: await findImage(server, name) };
  const elsewhere = { type: "image", mode: "pull", server: server.settings.addr };
  if (server.isSimplestreams) return { ...elsewhere, protocol: "simplestreams", alias: name || "default" } as ImageSource;
  const { fingerprint, public: isPublic } = await server.client.getImage({ fingerprint: await resolveAlias(server, name) });
  const { environment } = await server.client.getServer();
  const certificate = environment?.certificate ?? "";
  const address = server.isLocal ? environment?.addresses[0] : undefined;
  if (server.isLocal && address === undefined) {
    throw new CliError(`The image is on "${server.remote}", which no other server can reach`, {
      hint: "let it listen: berth config set core.https_address :8443; or copy the image first: berth image copy.",
    });
  }
  const secret = isPublic ? undefined : await makeSecret(server, fingerprint);
  return { ...elsewhere, protocol: "lxd", fingerprint, certificate, ...(address ? { server: `https://${address}` } : {}), ...(secret ? { secret } : {}) } as ImageSource;
}

/** The fingerprint of an image, by alias or fingerprint. Throws when there is none. */
export async function findImage(server: Server, image: string): Promise<string> {
  return (await server.client.getImage({ fingerprint: await resolveAlias(server, image) })).fingerprint;
}

/** A word that lets another server fetch a private image, once. */
async function makeSecret(server: Server, fingerprint: string): Promise<string> {
  const { metadata } = await server.ask<Operation>("POST", `/1.0/images/${encodeURIComponent(fingerprint)}/secret`);
  return String(metadata?.["secret"] ?? "");
}
