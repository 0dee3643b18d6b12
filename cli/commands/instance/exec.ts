// berth exec and berth shell
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";

export const flags = {
  cwd: { kind: "string", description: "Directory to run the command in (default /root)" },
  "disable-stdin": { kind: "bool", short: "n", description: "Disable stdin (reads from /dev/null)" },
  env: { kind: "list", description: "Environment variable to set (e.g. HOME=/home/foo)" },
  "force-interactive": { kind: "bool", short: "t", description: "Force pseudo-terminal allocation" },
  "force-noninteractive": { kind: "bool", short: "T", description: "Disable pseudo-terminal allocation" },
  group: { kind: "int", description: "Group ID to run the command as (default 0)" },
  mode: { kind: "string", default: "auto", description: "Override the terminal mode (auto, interactive or non-interactive)" },
  user: { kind: "int", description: "User ID to run the command as (default 0)" },
} as const;

interface ExecFlags {
  cwd: string;
  "disable-stdin": boolean;
  env: string[];
  "force-interactive": boolean;
  "force-noninteractive": boolean;
  group: number;
  mode: string;
  user: number;
}

export const execCommand = defineCommand({
  name: "exec",
  usage: "<instance> [flags] [--] <command line>",
  summary: "Execute commands in instances",
  examples: `berth exec web -- apt-get update
    Run a command in "web".

berth exec web,db -- uptime
    Run it in several at once: each line of output begins with the instance's name, and the exits follow.

berth exec --all -- uptime
    Run it in all that are running.`,
  description: `Execute commands in instances

The command is executed directly using exec, so there is no shell and
shell patterns (variables, file redirects, ...) won't be understood.
If you need a shell environment you need to execute the shell
executable, passing the shell commands as arguments, for example:

  berth exec <instance> -- sh -c "cd /tmp && pwd"

Mode defaults to non-interactive, interactive mode is selected if both stdin AND stdout are terminals (stderr is ignored).`,
  args: [1, -1],
  passAfter: 2,
  flags: { ...flags, all: { kind: "bool", description: "Run the command in all running instances" } },
  async run(ctx, args, values) {
    const [instance = "", ...command] = args;
    if (!values.all && command.length === 0) throw new CliError("Name the command to run", { hint: `berth exec ${instance} -- COMMAND; a shell: berth shell ${instance}` });
    if (!values.all && !instance.includes(",")) return exec(ctx, instance, command, values);
    const { execInAll, execInSeveral } = await import("./exec-several.ts");
    const post = execPost(values, false);
    return values.all ? execInAll(ctx, { ...post, command: args }) : execInSeveral(ctx, instance.split(","), { ...post, command });
  },
});

export const enterCommand = defineCommand({
  name: "enter",
  usage: "<instance> [<user>]",
  summary: "Open a login shell as a user of an instance",
  description: `Open a login shell as a user of an instance

The user is one of the instance's own; root when none is named.`,
  examples: `berth enter web deploy`,
  args: [1, 2],
  flags,
  run: (ctx, [instance, user = "root"], values) => exec(ctx, instance, ["su", "-l", user], values),
});

export const shellCommand = defineCommand({
  name: "shell",
  usage: "<instance>",
  summary: "Open a login shell in an instance",
  description: `Open a login shell in an instance

The same as: berth exec <instance> -- su -l`,
  args: [1, 1],
  flags,
  run: (ctx, [instance], values) => exec(ctx, instance, ["su", "-l"], values),
});

async function exec(ctx: Context, instance: string | undefined, command: string[], values: ExecFlags): Promise<number> {
  const { isatty } = await import("node:tty");
  const interactive = isInteractive(values, isatty(0) && isatty(1));
  const [width, height] = isatty(1) ? process.stdout.getWindowSize() : [0, 0];
  const { runSession } = await import("../../exec/session.ts");
  const post = { ...execPost(values, interactive), command, width, height };
  return runSession(ctx.resolve(instance, "instance"), post, { useStdin: !values["disable-stdin"] });
}

export function execPost(values: ExecFlags, interactive: boolean) {
  const environment: Record<string, string> = process.env["TERM"] === undefined ? {} : { TERM: process.env["TERM"] };
  for (const pair of values.env) {
    const equals = pair.indexOf("=");
    environment[equals < 0 ? pair : pair.slice(0, equals)] = equals < 0 ? "" : pair.slice(equals + 1);
  }
  return { "wait-for-websocket": true, interactive, environment, width: 0, height: 0, user: values.user, group: values.group, cwd: values.cwd };
}

/** Whether a pty is wanted. Throws when the flags contradict each other. */
export function isInteractive(
  values: Pick<ExecFlags, "disable-stdin" | "force-interactive" | "force-noninteractive" | "mode">, onTerminal: boolean,
): boolean {
  const { "force-interactive": force, "force-noninteractive": never, mode } = values;
  if (force && never) throw new CliError("You can't pass -t and -T at the same time");
  if (mode !== "auto" && (force || never)) throw new CliError("You can't pass -t or -T at the same time as --mode");
  if (!["auto", "interactive", "non-interactive"].includes(mode)) {
    throw new CliError(`Unknown mode "${mode}"`, { hint: "choose auto, interactive or non-interactive." });
  }
  if (values["disable-stdin"]) return false;
  if (mode === "interactive" || force) return true;
  return mode === "auto" && !never && onTerminal;
}
