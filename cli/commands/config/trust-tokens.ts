// berth config trust add, list-tokens and revoke-token
import type { Operation } from "../../../server/api/operations.ts";
import { defineCommand, formatFlag } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { formatUtc, isTimeSet } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";

interface Token {
  name: string;
  /** What is given to the other machine. */
  text: string;
  expiresAt: string;
  operation: string;
}

/** A time as Go writes it, so that a token is the same whoever shows it. */
function withoutZeros(time: string): string {
  return time.replace(/(\.\d*?)0+Z$/, "$1Z").replace(".Z", "Z");
}

/** Undefined for operations that are something else. */
function tokenOf({ id, class: kind, status, metadata }: Operation): Token | undefined {
  const { secret, fingerprint, addresses, request, expiresAt } = (metadata ?? {}) as Record<string, unknown>;
  const name = (request as { name?: string } | undefined)?.name;
  if (kind !== "token" || status !== "Running" || name === undefined || !Array.isArray(addresses)) return undefined;
  const expires_at = typeof expiresAt === "string" ? withoutZeros(expiresAt) : "0001-01-01T00:00:00Z";
  const text = Buffer.from(JSON.stringify({ client_name: name, fingerprint, addresses, secret, expires_at })).toString("base64");
  return { name, text, expiresAt: expires_at, operation: id };
}

async function readTokens(server: Server): Promise<Token[]> {
  const groups = await server.client.listOperations({ recursion: "1", project: "default" });
  return (groups["running"] as Operation[] | undefined ?? []).flatMap((operation) => tokenOf(operation) ?? []);
}

/** The certificate in a file, `-` for standard input, as the server takes it: base64 of its DER form. */
async function readCertificate(ctx: Context, file: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  const { readFileSync } = await import("node:fs");
  const text = file === "-" ? await ctx.readInput() : readFileSync(file);
  try {
    return new X509Certificate(text).raw.toString("base64");
  } catch (cause) {
    throw new CliError(`${file} holds no certificate`, { cause, hint: "give the client's own, such as ~/.config/berth/client.crt; never its key." });
  }
}

async function askName(): Promise<string> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  try {
    return await prompt.ask("Please provide client name: ", "");
  } finally {
    prompt.close();
  }
}

export const trustAddCommand = defineCommand({
  name: "add",
  usage: "[<remote>:] [<cert>]",
  summary: "Add new trusted client",
  description: `Add new trusted client

The following certificate types are supported:
- client (default)
- metrics

If the certificate is omitted, a token will be generated and returned. A client
providing a valid token will have its client certificate added to the trusted list
and the consumed token will be invalidated. Similar to certificates, tokens can be
restricted to one or more projects.

A restricted client may do everything in its projects, unless a role says less:
- viewer: see them
- operator: start, stop and use the instances too
- admin: everything (default)`,
  examples: `berth config trust add --name laptop
    Print a token, for "berth remote add" on the laptop.

berth config trust add --name ci --restricted --projects ci --role operator
    Print a token for a client that may use the instances of the project ci.`,
  args: [0, 2],
  flags: {
    name: { kind: "string", description: "Alternative certificate name" },
    projects: { kind: "string", description: "List of projects to restrict the certificate to" },
    restricted: { kind: "bool", description: "Restrict the certificate to one or more projects" },
    role: { kind: "string", description: "What a restricted certificate may do: viewer, operator or admin" },
    type: { kind: "string", default: "client", description: "Type of certificate" },
  },
  async run(ctx, args, flags) {
    const hasRemote = args[0]?.endsWith(":") ?? false;
    const file = hasRemote ? args[1] : args[0];
    if (!hasRemote && args.length > 1) throw new CliError(`"${args[0]}" is not a remote`, { hint: "write a remote with a colon behind it: berth config trust add REMOTE: CERT" });
    const { server } = ctx.resolve(hasRemote ? args[0] : "");
    if (!["client", "metrics"].includes(flags.type)) throw new CliError(`Unknown certificate type "${flags.type}"`, { hint: "choose client or metrics." });
    if (file === undefined && flags.type === "metrics") throw new CliError("Cannot use metrics type certificate when using a token", { hint: "give the file of the certificate." });
    const name = flags.name || (file === undefined ? await askName() : file.replace(/^.*\//, ""));
    const wanted = {
      name, type: flags.type, restricted: flags.restricted, projects: flags.projects ? flags.projects.split(",") : [], ...(flags.role ? { role: flags.role } : {}),
    };
    if (file !== undefined) return void (await server.client.createCertificate({ body: { ...wanted, certificate: await readCertificate(ctx, file) } }));
    const operation = await server.client.createCertificate({ body: { ...wanted, token: true } });
    const token = operation && tokenOf(operation);
    if (!token) throw new CliError("The server gave no token");
    ctx.say(`Client ${name} certificate add token:`);
    ctx.print(token.text);
  },
});

export const trustListTokensCommand = defineCommand({
  name: "list-tokens",
  usage: "[<remote>:]",
  summary: "List all active certificate add tokens",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const tokens = await readTokens(server);
      const shown = tokens.map(({ name, text, expiresAt }) => ({ ClientName: name, Token: text, ExpiresAt: isTimeSet(expiresAt) ? formatUtc(expiresAt) : "" }));
      const rows = shown.map((it) => [it.ClientName, it.Token, it.ExpiresAt]);
      return { header: ["NAME", "TOKEN", "EXPIRES AT"], rows: rows.sort(compareRows), raw: shown, shape: { struct: { ClientName: "value", Token: "value", ExpiresAt: "value" } } };
    });
  },
});

export const trustRevokeTokenCommand = defineCommand({
  name: "revoke-token",
  usage: "[<remote>:] <name>",
  summary: "Revoke certificate add token",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "token");
    const token = (await readTokens(server)).find((it) => it.name === name);
    if (!token) throw new CliError(`No certificate add token for member ${name} on remote: ${server.remote}`, { hint: "See `berth config trust list-tokens`." });
    await server.client.deleteOperation({ id: token.operation });
    ctx.say(`Certificate add token for ${name} deleted`);
  },
});
