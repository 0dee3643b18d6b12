// Commands of lxc that Berth has not and will not have: they say why.
import { defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";

/** A command with any arguments that answers with one sentence. */
export function leftOut(name: string, sentence: string) {
  return defineCommand({
    name, summary: sentence, args: [0, -1], passAfter: 0, hidden: true,
    async run() {
      throw new CliError(sentence);
    },
  });
}

export const clusterCommand = leftOut("cluster", "Berth is never a cluster: each server stands for itself, and berth remote adds others");
