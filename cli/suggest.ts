// What to say besides the error: the name that was probably meant, or that the server is another than expected.
import { closest } from "../server/api/config-keys/key.ts";
import { BerthError, type ErrorCode } from "../server/api/errors.ts";
import type { Context, Target } from "./context.ts";
import { CliError, hintOf, messageOf } from "./errors.ts";
import type { Server } from "./remotes/server.ts";

const lookUps: Partial<Record<ErrorCode, (server: Server) => Promise<readonly unknown[]>>> = {
  instance_not_found: (server) => server.client.listInstances(),
  profile_not_found: (server) => server.client.listProfiles(),
  network_not_found: (server) => server.client.listNetworks(),
  pool_not_found: (server) => server.client.listStoragePools(),
  image_not_found: async (server) => (await server.client.listAliases()).map((url) => String(url).replace("/1.0/images/aliases/", "")),
};

function codeOf(error: unknown): ErrorCode | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof BerthError) return cause.code;
  return undefined;
}

/** The error with a hint, where there was none and one can be found. */
export async function withSuggestion(ctx: Context, error: unknown): Promise<unknown> {
  const code = codeOf(error);
  if (code === undefined) return error;
  const hint = code === "not_found" && messageOf(error).toLowerCase() === "not found"
    ? "the server does not know this request: it is older or other than this client is for (berth version)."
    : await nearestName(ctx, code);
  if (hint === undefined) return error;
  const said = hintOf(error);
  return new CliError(messageOf(error), { cause: error, exitCode: error instanceof CliError ? error.exitCode : 1, hint: said ? `${hint} ${said}` : hint });
}

async function nearestName(ctx: Context, code: ErrorCode): Promise<string | undefined> {
  const look = lookUps[code];
  if (!look) return undefined;
  for (const { server, name } of ctx.resolved.filter((it: Target) => it.name !== "" && !it.server.isPublic)) {
    const urls = await look(server).catch(() => []);
    const names = urls.map((url) => decodeURIComponent(String(url).replace(/\?.*/, "").replace(/^\/1\.0\/[^/]*\//, "")));
    const wanted = name.split("/")[0] ?? name;
    const near = wanted.length < 3 || names.includes(wanted) ? undefined : closest(wanted, names);
    if (near !== undefined) return `did you mean "${near}"?`;
  }
  return undefined;
}
