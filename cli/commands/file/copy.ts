// berth file copy: whichever way, by where the instance stands
import { existsSync } from "node:fs";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { filePullCommand } from "./pull.ts";
import { filePushCommand } from "./push.ts";

/** What looks like a path of this machine: it begins as one, or is one. */
export function isHere(word: string, exists: (path: string) => boolean = existsSync): boolean {
  return /^(-$|\.{0,2}\/|\.{1,2}$|~\/)/.test(word) || !word.includes("/") || exists(word);
}

export const fileCopyCommand = defineCommand({
  name: "copy",
  aliases: ["cp"],
  usage: "<source path>... <target path>",
  summary: "Copy files into or out of instances",
  description: `Copy files into or out of instances, folders with all that is in them

INSTANCE/path is a path of an instance; paths of this machine begin with /, ./ or ../, or are there.`,
  examples: `berth file cp ./site.conf web/etc/nginx/conf.d/
berth file cp web/var/log ./logs`,
  args: [2, -1],
  flags: { "create-dirs": { kind: "bool", short: "p", description: "Create any directories necessary" } },
  async run(ctx, args, flags) {
    const target = args.at(-1) ?? "";
    const sources = args.slice(0, -1);
    const fromHere = sources.filter((source) => isHere(source)).length;
    const more = { ...flags, recursive: true };
    if (fromHere === 0 && isHere(target)) return filePullCommand.run(ctx, args, more);
    if (fromHere === sources.length && (!isHere(target) || (target.includes("/") && !/^[./~]/.test(target)))) {
      return filePushCommand.run(ctx, args, { ...more, uid: -1, gid: -1, mode: "" });
    }
    throw new CliError("One side has to be an instance, the other this machine", { hint: "write INSTANCE/path for an instance, ./path for this machine." });
  },
});
