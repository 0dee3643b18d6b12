// Manual pages and Markdown of commands.
import { type Entry, type Flag, type Flags, globalFlags, isGroup } from "./command.ts";

const statuses = `0: it has been done. 1: it has not, the message says why. 126, 127: exec found no such command in the instance, or may not run it.
128+N: a command in an instance, or the client itself, was ended by signal N. 141: nobody read the output any more. Otherwise exec ends with the status of the command.`;

/** Troff takes dots and quotes at the beginnings of lines, backslashes and dashes for its own. */
const troff = (text: string) => text.replace(/\\/g, "\\e").replace(/-/g, "\\-").replace(/^([.'])/gm, "\\&$1");
const usageOf = (entry: Entry, name: string) => (isGroup(entry) ? `${name} [command]` : `${name} ${entry.usage ?? ""}`.trim());
const shown = (flags: Flags) => Object.entries(flags).filter(([, flag]) => !flag.hidden);
const flagName = ([name, flag]: [string, Flag]) => `${flag.short ? `-${flag.short}, ` : ""}--${name}`;
const children = (entry: Entry) => (isGroup(entry) ? entry.commands.filter((child) => !child.hidden) : []);

export function renderMan(entry: Entry, path: readonly string[], version: string): string {
  const name = path.join(" ");
  const section = (title: string, text: string) => (text === "" ? "" : `.SH ${title}\n${text}\n`);
  const options = (flags: Flags) => shown(flags).map((pair) => `.TP\n.B ${troff(flagName(pair))}\n${troff(pair[1].description)}`).join("\n");
  const parts = [
    `.TH "${path.join("\\-").toUpperCase()}" "1" "" "berth ${version}" "Berth"\n`,
    section("NAME", `${troff(path.join("-"))} \\- ${troff(entry.summary)}`),
    section("SYNOPSIS", `.B ${troff(usageOf(entry, name))}`),
    section("DESCRIPTION", `.nf\n${troff(entry.description ?? entry.summary)}\n.fi`),
    section("COMMANDS", children(entry).map((child) => `.TP\n.B ${troff(child.name)}\n${troff(child.summary)}`).join("\n")),
    isGroup(entry) ? "" : section("OPTIONS", options((entry.flags as Flags | undefined) ?? {})),
    section("GLOBAL OPTIONS", options(globalFlags)),
    isGroup(entry) || !entry.examples ? "" : section("EXAMPLES", `.nf\n${troff(entry.examples)}\n.fi`),
    path.length === 1 ? section("EXIT STATUS", troff(statuses)) + section("ENVIRONMENT", troff(environment)) : "",
  ];
  return parts.join("");
}

const environment = `BERTH_DIR, BERTH_SOCKET: where the daemon of this machine listens. BERTH_CONF: the folder of the client's configuration, ~/.config/berth.
BERTH_REMOTE, BERTH_PROJECT: what is meant when no remote or project is named. EDITOR, VISUAL: for edit commands. NO_COLOR: no colours.`;

export function renderMarkdown(entry: Entry, path: readonly string[]): string {
  const name = path.join(" ");
  const code = (text: string) => `\`\`\`\n${text}\n\`\`\`\n`;
  const table = (flags: Flags) => shown(flags).map((pair) => `- \`${flagName(pair)}\`: ${pair[1].description}`).join("\n");
  const flags = isGroup(entry) ? {} : ((entry.flags as Flags | undefined) ?? {});
  return [
    `# ${name}`, entry.description ?? entry.summary, code(usageOf(entry, name)),
    ...children(entry).map((child) => `- [${child.name}](${[...path, child.name].join("_")}.md): ${child.summary}`),
    ...(shown(flags).length > 0 ? ["## Options", table(flags)] : []),
    ...(!isGroup(entry) && entry.examples ? ["## Examples", code(entry.examples)] : []),
  ].join("\n\n").concat("\n");
}
