// berth query
import { errorFrom, type TransportResponse } from "../../../server/api/client.ts";
import type { Envelope } from "../../../server/api/envelope.ts";
import type { Operation } from "../../../server/api/operations.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { renderPrettyJson, sortKeys } from "../../output/json.ts";
import { writeAll } from "../../output/write.ts";
import type { Server } from "../../remotes/server.ts";

export const queryCommand = defineCommand({
  name: "query",
  usage: "<API path>",
  summary: "Send a raw query to Berth",
  examples: `berth query -X DELETE --wait /1.0/instances/c1
    Delete local instance "c1".`,
  args: [1, 1],
  flags: {
    data: { kind: "string", short: "d", description: "Input data" },
    raw: { kind: "bool", description: "Print the raw response" },
    request: { kind: "string", short: "X", default: "GET", description: "Action (defaults to GET)" },
    wait: { kind: "bool", description: "Wait for the operation to complete" },
  },
  async run(ctx, [argument = ""], flags) {
    if (ctx.globals.project !== "") throw new CliError("--project cannot be used with the query command", { hint: "put ?project=NAME into the path." });
    const { server, name: path } = splitPath(ctx, argument);
    if (!path.startsWith("/")) throw new CliError("Query path must start with /");
    const response = await server.transport.request({
      method: flags.request, path,
      ...(flags.data === "" ? {} : { headers: { "content-type": "application/json" }, body: asJson(flags.data) }),
    });
    const envelope = await readEnvelope(response);
    if (envelope) print(ctx, flags.wait && envelope.operation ? await waitFor(server, envelope) : envelope, flags.raw);
  },
});

/** A colon within a path is the path's. */
function splitPath(ctx: Context, argument: string) {
  return argument.startsWith("/") ? { ...ctx.resolve(), name: argument } : ctx.resolve(argument);
}

/** JSON stays, any other text becomes a JSON string. */
function asJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

/** The envelope of an answer; undefined when it was something else, which has been printed. */
async function readEnvelope(response: TransportResponse): Promise<Envelope | undefined> {
  if (!/json/.test(response.headers["content-type"] ?? "")) {
    if (response.status >= 400) throw new CliError(`The server answered ${response.status}: ${(await response.text()).trim()}`);
    for await (const part of response.body) await writeAll(1, part);
    return undefined;
  }
  const envelope = JSON.parse(await response.text()) as Envelope;
  if (envelope.type === "error") throw errorFrom(envelope, response.headers);
  return envelope;
}

async function waitFor(server: Server, { operation }: Envelope): Promise<Envelope> {
  const [path, query = ""] = operation.split("?");
  const envelope = await readEnvelope(await server.transport.request({ method: "GET", path: `${path}/wait?${query}` }));
  const ended = envelope?.metadata as Operation | undefined;
  if (!envelope || ended?.err) throw new CliError(ended?.err ?? "The operation is gone");
  return envelope;
}

function print(ctx: Context, envelope: Envelope, raw: boolean): void {
  const { type, status, status_code, operation, error_code, error, metadata } = envelope;
  if (raw) ctx.print(`${renderPrettyJson({ type, status, status_code, operation, error_code, error, metadata })}\n`);
  else if (metadata !== null && metadata !== undefined && JSON.stringify(metadata) !== "{}") ctx.print(`${renderPrettyJson(sortKeys(metadata))}\n`);
}
