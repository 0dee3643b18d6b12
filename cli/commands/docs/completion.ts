// berth completion, and what its scripts ask
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";

export const completionCommand = defineCommand({
  name: "completion",
  usage: "<shell>",
  summary: "Print the completion script for a shell",
  description: `Print the completion script for a shell

Commands, flags and the names of instances, images, profiles, networks and all else are completed.`,
  examples: `source <(berth completion bash)
    Complete in this shell; in ~/.bashrc: in all of them.

berth completion fish > ~/.config/fish/completions/berth.fish`,
  args: [1, 1],
  async run(ctx, [shell = ""]) {
    const { completionScripts } = await import("../../completion/scripts.ts");
    const script = Object.hasOwn(completionScripts, shell) ? completionScripts[shell] : undefined;
    if (script === undefined) throw new CliError(`There is no completion for "${shell}"`, { hint: `choose one of ${Object.keys(completionScripts).join(", ")}.` });
    ctx.write(script);
  },
});

export const completeCommand = defineCommand({
  name: "__complete",
  usage: "-- <words>...",
  summary: "Say what can follow",
  hidden: true,
  args: [0, -1],
  async run(ctx, words) {
    const [{ wantedAt }, { findNames }, { root }] = await Promise.all([import("../../completion/words.ts"), import("../../completion/names.ts"), import("../index.ts")]);
    const wanted = wantedAt(root, words, Object.keys(ctx.config.aliases));
    if (wanted.kind === "files") return ctx.print(":files");
    const found = wanted.kind === "words" ? wanted.words : await findNames(ctx, wanted.of, wanted.typed, wanted.before);
    if (found.length > 0) ctx.print(found.map((word) => word.replace(/\n/g, " ")).join("\n"));
  },
});
