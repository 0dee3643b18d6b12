// berth run: an instance for one command, gone when it has ended
import { constants } from "node:os";
import { randomBytes } from "node:crypto";
import { defineCommand, type Values } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { execPost, flags as execFlags, isInteractive } from "./exec.ts";
import { createInstance, initFlags } from "./launch.ts";

const { target: _target, vm: _vm, empty: _empty, ephemeral: _ephemeral, network, type, ...creation } = initFlags;
/** Exec has the letters -n and -t for flags of its own. */
const longOnly = <F extends { short: string }>({ short: _short, ...flag }: F) => flag;
const flags = { ...execFlags, ...creation, network: longOnly(network), type: longOnly(type), name: { kind: "string", description: "Name of the instance (made up when absent)" } } as const;

export const runCommand = defineCommand({
  name: "run",
  usage: "<image> [flags] [--] <command line>",
  summary: "Run a command in an instance of its own",
  description: `Run a command in an instance of its own

An ephemeral instance is made of the image and started, the command is executed in it as "berth exec"
does it, and the instance is removed again, whether the command has succeeded or not.`,
  examples: `berth run debian/12 -- cat /etc/os-release

tar -c . | berth run debian/12 -- sh -c 'tar -x && make'`,
  args: [2, -1],
  passAfter: 2,
  flags,
  run: (ctx, [image = "", ...command], values) => runOnce(ctx, image, command, values),
});

const ending = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function runOnce(ctx: Context, image: string, command: string[], values: Values<typeof flags>): Promise<number> {
  const { isatty } = await import("node:tty");
  const interactive = isInteractive(values, isatty(0) && isatty(1));
  const name = values.name || `run-${randomBytes(4).toString("hex")}`;
  const target = ctx.resolve(name, "instance");
  const quiet: Context = { ...ctx, hasInput: false, say: () => {}, print: () => {}, warn: (line) => ctx.warn(line) };
  try {
    const { runSession } = await uninterrupted(async () => {
      await createInstance(quiet, [image, name], { ...values, ephemeral: true, empty: false, vm: false, target: "" });
      await target.server.follow(await target.server.client.changeInstanceState({ name: target.name, body: { action: "start", timeout: -1 } }));
      return import("../../exec/session.ts");
    });
    const [width, height] = isatty(1) ? process.stdout.getWindowSize() : [0, 0];
    // Without a pause from here on: signals are the command's now.
    return await runSession(target, { ...execPost(values, interactive), command, width, height }, { useStdin: !values["disable-stdin"] });
  } finally {
    await uninterrupted(() => remove(target));
  }
}

/** A signal does not end the client before there is an instance to be removed; it is answered afterwards. */
async function uninterrupted<T>(work: () => Promise<T>): Promise<T> {
  let got: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    got = signal;
  };
  for (const signal of ending) process.on(signal, onSignal);
  const result = await work().finally(() => {
    for (const signal of ending) process.off(signal, onSignal);
  });
  if (got) throw new CliError(`Interrupted by ${got}`, { exitCode: 128 + constants.signals[got] });
  return result;
}

/** Stopping an ephemeral instance removes it; one that never started has to be deleted. */
async function remove({ server, name }: Target): Promise<void> {
  const stop = { action: "stop", timeout: -1, force: true };
  const isThere = await server.client.changeInstanceState({ name, body: stop }).then((operation) => server.follow(operation)).then(() => true, () => false);
  if (!isThere) await server.client.deleteInstance({ name }).then((operation) => server.follow(operation)).catch(() => {});
}
