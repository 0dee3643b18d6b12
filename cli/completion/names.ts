// Names that live on servers, for completion. What cannot be had in a moment is left out.
import type { Context } from "../context.ts";
import { instanceKeys } from "../../server/api/config-keys/instance.ts";
import type { Server } from "../remotes/server.ts";

type Look = (server: Server, before: readonly string[]) => Promise<readonly string[]>;

const last = (urls: readonly unknown[]) => urls.map((url) => decodeURIComponent(String(url).replace(/\?.*/, "").split("/").at(-1) ?? ""));
const instances: Look = async (server) => last(await server.client.listInstances());

const profiles: Look = async (server) => last(await server.client.listProfiles());
const aliases: Look = async (server) => {
  const urls = await server.client.listAliases();
  return urls.map((url) => decodeURIComponent(String(url).replace("/1.0/images/aliases/", "").replace(/\?.*/, "")));
};

const looks: Readonly<Record<string, Look>> = {
  instance: instances,
  source: instances,
  snapshot: async (server, [instance = ""]) => last(await server.client.listSnapshots({ name: instance.replace(/^.*:/, "") })),
  image: aliases,
  alias: aliases,
  profile: profiles,
  profiles,
  network: async (server) => last(await server.client.listNetworks()),
  pool: async (server) => last(await server.client.listStoragePools()),
  project: async (server) => last(await server.client.listProjects()),
  operation: async (server) => Object.values(await server.client.listOperations()).flatMap((urls) => last(urls as unknown[])),
  device: async (server, [owner = ""]) => Object.keys((await server.client.getInstance({ name: owner.replace(/^.*:/, "") })).expanded_devices ?? {}),
};

/** Words that are known without a server. */
function wordsOf(ctx: Context, of: string): readonly string[] {
  if (of === "remote") return Object.keys(ctx.config.remotes);
  if (of === "key") return Object.keys(instanceKeys);
  if (of === "type") return ["disk", "nic", "proxy", "unix-char", "unix-block", "usb", "gpu", "none"];
  return [];
}

/** Everything that fits what is typed, the part before a colon being a remote. */
export async function findNames(ctx: Context, of: string, typed: string, before: readonly string[]): Promise<string[]> {
  const look = looks[of];
  if (!look) return wordsOf(ctx, of).filter((word) => word.startsWith(typed));
  const colon = typed.indexOf(":");
  const remote = typed.slice(0, Math.max(0, colon));
  const remotes = colon < 0 ? Object.keys(ctx.config.remotes).map((name) => `${name}:`) : [];
  const { server } = ctx.resolve(colon < 0 ? "" : `${remote}:`);
  const names = await look(server, before).catch(() => []);
  return [...names.map((name) => (colon < 0 ? name : `${remote}:${name}`)), ...remotes].filter((name) => name.startsWith(typed)).sort();
}
