// berth start, stop, restart, pause
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand, type Flags } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { CliError, hintOf, messageOf, prefixed } from "../../errors.ts";
import { openConsole } from "./console.ts";
import { runBatch } from "./batch.ts";

interface Options {
  all: boolean;
  console?: string;
  force?: boolean;
  stateful?: boolean;
  timeout?: number;
}

const usage = "<instance> [<instance>...]";
const all = { kind: "bool", description: "Run against all instances" } as const;
const console = { kind: "optional", bare: "console", description: "Immediately attach to the console" } as const;
const stopFlags = {
  all,
  console,
  force: { kind: "bool", short: "f", description: "Force the instance to shutdown" },
  timeout: { kind: "int", default: -1, description: "Time to wait for the instance before killing it" },
} as const satisfies Flags;

export const startCommand = defineCommand({
  name: "start",
  usage,
  summary: "Start instances",
  args: [0, -1],
  flags: { all, console, stateless: { kind: "bool", description: "Ignore the instance state", hidden: true } },
  run: (ctx, args, flags) => changeState(ctx, "start", args, flags),
});

export const stopCommand = defineCommand({
  name: "stop",
  usage,
  summary: "Stop instances",
  args: [0, -1],
  flags: { ...stopFlags, console: { ...console, hidden: true }, stateful: { kind: "bool", description: "Store the instance state", hidden: true } },
  run: (ctx, args, flags) => changeState(ctx, "stop", args, flags),
});

export const restartCommand = defineCommand({
  name: "restart",
  usage,
  summary: "Restart instances",
  description: `Restart instances

The opposite of "berth pause" is "berth start".`,
  args: [0, -1],
  flags: stopFlags,
  run: (ctx, args, flags) => changeState(ctx, "restart", args, flags),
});

export const pauseCommand = defineCommand({
  name: "pause",
  usage,
  summary: "Pause instances",
  args: [0, -1],
  flags: { all },
  run: (ctx, args, flags) => changeState(ctx, "pause", args, flags),
});

type Verb = "start" | "stop" | "restart" | "pause";

async function changeState(ctx: Context, verb: Verb, args: string[], options: Options): Promise<number | void> {
  if (options.console) checkConsole(verb, args, options);
  if (options.all) return changeAll(ctx, verb, args, options);
  if (args.length === 0) throw new CliError("Name at least one instance, or use --all", { hint: `berth ${verb} --help` });
  await runBatch(ctx, verb, args, (argument) => changeOne(ctx.resolve(argument, "instance"), verb, options));
  if (options.console) return openConsole(ctx, ctx.resolve(args[0], "instance"), options.console);
}

function checkConsole(verb: Verb, args: string[], options: Options): void {
  if (verb === "stop") throw new CliError("--console is of no use here: a stopped instance has no console", { hint: "berth console --show-log shows what was written to it." });
  if (options.all) throw new CliError("--console can't be used with --all");
  if (args.length !== 1) throw new CliError("--console only works with a single instance");
}

function stateBody(verb: Verb, { timeout = 0, force = false, stateful = false }: Options) {
  return { action: verb === "pause" ? "freeze" : verb, timeout, force, stateful };
}

async function changeAll(ctx: Context, verb: Verb, args: string[], options: Options): Promise<void> {
  const targets = (args.length === 0 ? [""] : args).map((argument) => ctx.resolve(argument));
  if (targets.some(({ name }) => name !== "")) throw new CliError("Both --all and instance name given");
  for (const { server } of targets) {
    await server.follow(await server.client.changeInstancesState({ body: { state: stateBody(verb, options) } })).catch((error: unknown) => {
      throw prefixed(server.remote, error);
    });
  }
}

async function changeOne({ server, name }: Target, verb: Verb, options: Options): Promise<void> {
  const body = stateBody(verb, options);
  if (verb === "start") {
    const instance = await server.client.getInstance({ name });
    if (instance.status_code === statusCodes.Frozen) body.action = "unfreeze";
  }
  const operation = await server.client.changeInstanceState({ name, body });
  await server.follow(operation).catch((error: unknown) => {
    throw withLogHint(error, name);
  });
}

/** An operation that failed without saying what to do: the instance's log may tell more. */
export function withLogHint(error: unknown, name: string): unknown {
  if (hintOf(error) || error instanceof CliError) return error;
  return new CliError(messageOf(error), { hint: `see its log: berth info ${name} --show-log`, cause: error });
}
