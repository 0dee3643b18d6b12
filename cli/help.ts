// Help texts, laid out as lxc lays them out.
import { type Command, type Entry, type Flag, type Flags, globalFlags, type Group, isGroup } from "./command.ts";

const indent = (text: string) => text.split("\n").map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
const section = (title: string, text: string) => `${title}:\n${indent(text)}\n`;

/** The help of a command or group; `path` is how it is called: `["berth", "image", "list"]`. */
export function renderHelp(entry: Entry, path: readonly string[]): string {
  const name = path.join(" ");
  const parts = [section("Description", entry.description ?? entry.summary)];
  const isRoot = path.length === 1;
  if (isGroup(entry)) {
    parts.push(section("Usage", isRoot ? `${name} [command]` : `${name} [flags]\n${name} [command]`));
    parts.push(section("Available Commands", renderCommands(entry)));
    parts.push(section(isRoot ? "Flags" : "Global Flags", renderFlags(globalFlags)));
    parts.push(`Use "${name} [command] --help" for more information about a command.\n`);
  } else {
    parts.push(section("Usage", usageLine(entry, name)));
    if (entry.aliases) parts.push(section("Aliases", [entry.name, ...entry.aliases].join(", ")));
    if (entry.examples) parts.push(section("Examples", entry.examples));
    if (entry.flags && Object.values(entry.flags as Flags).some((flag) => !flag.hidden)) parts.push(section("Flags", renderFlags(entry.flags)));
    parts.push(section("Global Flags", renderFlags(globalFlags)));
  }
  return parts.join("\n");
}

function usageLine(command: Command, name: string): string {
  const usage = command.usage ? `${name} ${command.usage}` : name;
  return usage.includes("[flags]") ? usage : `${usage} [flags]`;
}

function renderCommands(group: Group): string {
  const rows = group.commands.filter((command) => !command.hidden).sort((a, b) => (a.name < b.name ? -1 : 1));
  const width = Math.max(11, ...rows.map((row) => row.name.length));
  return rows.map((row) => `${row.name.padEnd(width)} ${row.summary}`).join("\n");
}

/** All commands below a group, one a line. */
export function renderTree(group: Group, path: readonly string[] = [group.name]): string {
  return group.commands.filter((command) => !command.hidden).map((command) => {
    const name = [...path, command.name];
    return isGroup(command) ? renderTree(command, name) : `${name.join(" ")}\n`;
  }).join("");
}

/** One line a flag, sorted by name. */
export function renderFlags(flags: Flags): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const bare = flag.kind === "optional" ? `[="${flag.bare}"]` : "";
      return { left: `${flag.short ? `-${flag.short}, ` : "    "}--${name}${bare}`, right: flag.description + renderDefault(flag) };
    });
  const width = Math.max(...rows.map((row) => row.left.length));
  return rows.map((row) => `${row.left.padEnd(width)}   ${row.right}`).join("\n");
}

function renderDefault(flag: Flag): string {
  if (flag.default === undefined || flag.default === "" || flag.default === 0) return "";
  return typeof flag.default === "string" ? ` (default "${flag.default}")` : ` (default ${flag.default})`;
}
