// berth publish
import type { ImagesPost } from "../../../server/api/images.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { writableInstance } from "../../writable.ts";
import { reuseFlag, takeAliases } from "../image/aliases.ts";

export interface Publishing {
  /** `c1` or `c1/s0`. */
  name: string;
  compression: string;
  expire: string;
  isPublic: boolean;
  properties: Record<string, string>;
}

/** The body of the request. Properties are left out when there are none: those of the instance's image stay then. */
export function publishBody({ name, compression, expire, isPublic, properties }: Publishing): ImagesPost {
  if (expire && Number.isNaN(Date.parse(expire))) throw new CliError(`Invalid expiration date: "${expire}"`, { hint: "write it as 2027-01-31T00:00:00Z." });
  return {
    source: { type: name.includes("/") ? "snapshot" : "instance", name },
    public: isPublic,
    ...(compression ? { compression_algorithm: compression } : {}),
    ...(expire ? { expires_at: new Date(expire).toISOString() } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
  };
}

/** Where the image goes, and its properties, from what follows the instance's name. */
export function sortPublishArguments(args: readonly string[]): { remote: string | undefined; properties: Record<string, string> } {
  const remote = args[0] !== undefined && !args[0].includes("=") ? args[0] : undefined;
  const properties: Record<string, string> = {};
  for (const pair of args.slice(remote === undefined ? 0 : 1)) {
    const equals = pair.indexOf("=");
    if (equals < 0) throw new CliError(`Bad key=value pair: ${pair}`);
    properties[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return { remote, properties };
}

/** Stops a running instance while `work` is done, and starts it again, whatever comes of the work. An ephemeral one is kept meanwhile. */
async function whileStopped<T>(server: Server, name: string, force: boolean, work: () => Promise<T>): Promise<T> {
  if (name.includes("/")) return work();
  const { value: instance, headers } = await server.readForChange(() => server.client.getInstance({ name }));
  if (instance.status_code === statusCodes.Stopped) return work();
  if (!force) throw new CliError("The instance is currently running. Use --force to have it stopped and restarted");
  const setEphemeral = async (ephemeral: boolean, precondition: Record<string, string>) => {
    if (instance.ephemeral) await server.follow(await server.client.replaceInstance({ name, body: { ...writableInstance(instance), ephemeral }, headers: precondition }));
  };
  await setEphemeral(false, headers);
  await server.follow(await server.client.changeInstanceState({ name, body: { action: "stop", timeout: -1, force: true } }));
  try {
    return await work();
  } finally {
    await server.follow(await server.client.changeInstanceState({ name, body: { action: "start", timeout: -1, force: false } }));
    await setEphemeral(true, {});
  }
}

/** Carries the image to another server, and takes it from the first. */
async function moveImage(ctx: Context, from: Server, to: Server, fingerprint: string, isPublic: boolean): Promise<void> {
  try {
    const { transferImage } = await import("../image/transfer.ts");
    await transferImage(ctx, { from, to, name: fingerprint, mode: "", autoUpdate: false, isPublic });
  } finally {
    await from.follow(await from.client.deleteImage({ fingerprint }));
  }
}

export const publishCommand = defineCommand({
  name: "publish",
  usage: "<instance>[/<snapshot>] [<remote>:] [key=value...]",
  summary: "Publish instances as images",
  args: [1, -1],
  flags: {
    alias: { kind: "list", description: "New alias to define at target" },
    compression: { kind: "string", description: "Compression algorithm to use (`none` for uncompressed)" },
    expire: { kind: "string", description: "Image expiration date (format: rfc3339)" },
    force: { kind: "bool", short: "f", description: "Stop the instance if currently running" },
    public: { kind: "bool", description: "Make the image public" },
    reuse: reuseFlag,
  },
  async run(ctx, [instance, ...rest], flags) {
    const { server: from, name } = ctx.resolve(instance);
    if (name === "") throw new CliError("Instance name is mandatory");
    const { remote, properties } = sortPublishArguments(rest);
    const { server: to, name: extra } = ctx.resolve(remote);
    if (extra !== "") throw new CliError('There is no "image name".  Did you want an alias?');
    const body = publishBody({ name, compression: flags.compression, expire: flags.expire, isPublic: from === to && flags.public, properties });
    const fingerprint = await whileStopped(from, name, flags.force, async () => {
      const operation = await from.client.createImage({ headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      return String((await from.follow(operation, "Publishing instance: ")).metadata?.["fingerprint"]);
    });
    if (from !== to) await moveImage(ctx, from, to, fingerprint, flags.public);
    await takeAliases(to, flags, fingerprint);
    ctx.print(`Instance published with fingerprint: ${fingerprint}`);
  },
});
