// The keys of the full-screen view: what they do everywhere. Keys of single views stand with their actions.

export interface KeyHelp {
  /** As it is shown: `g / Home`. */
  keys: string;
  does: string;
}

export const commonKeys = {
  down: { keys: "j / ↓", does: "next line" },
  up: { keys: "k / ↑", does: "line before" },
  pageDown: { keys: "PgDn / ^F", does: "page down" },
  pageUp: { keys: "PgUp / ^B", does: "page up" },
  top: { keys: "g / Home", does: "first line" },
  bottom: { keys: "G / End", does: "last line" },
  open: { keys: "Enter", does: "details" },
  back: { keys: "Esc", does: "back; clear the filter and the selection" },
  select: { keys: "Space", does: "select a line, for actions on several" },
  filter: { keys: "/", does: "show only lines that hold a text" },
  sort: { keys: "o / O", does: "sort by the next column / the other way round" },
  jump: { keys: ":", does: "go to a view, a project or a remote: images, project NAME, remote NAME" },
  next: { keys: "Tab", does: "next view, or next page of the details" },
  projects: { keys: "A", does: "things of all projects, or of one" },
  refresh: { keys: "^R", does: "read everything again" },
  help: { keys: "?", does: "this page" },
  suspend: { keys: "^Z", does: "back to the shell for a while (fg comes back)" },
  quit: { keys: "q / ^C", does: "quit" },
} as const satisfies Record<string, KeyHelp>;

export type Intent = keyof typeof commonKeys | "previous" | "reverse";

/** What ink tells of a key press. */
export interface Press {
  upArrow?: boolean; downArrow?: boolean; pageUp?: boolean; pageDown?: boolean; home?: boolean; end?: boolean; return?: boolean; escape?: boolean;
  tab?: boolean; shift?: boolean; ctrl?: boolean; backspace?: boolean; delete?: boolean;
}

const byInput: Readonly<Record<string, Intent>> = {
  j: "down", k: "up", g: "top", G: "bottom", " ": "select", "/": "filter", o: "sort", O: "reverse", ":": "jump", A: "projects", "?": "help", q: "quit",
};
const byControl: Readonly<Record<string, Intent>> = { f: "pageDown", b: "pageUp", r: "refresh", z: "suspend", c: "quit" };

/** What a key means in a list; undefined: nothing that is common to all views. */
export function intentOf(input: string, key: Press): Intent | undefined {
  if (key.upArrow) return "up";
  if (key.downArrow) return "down";
  if (key.pageUp) return "pageUp";
  if (key.pageDown) return "pageDown";
  if (key.home) return "top";
  if (key.end) return "bottom";
  if (key.return) return "open";
  if (key.escape) return "back";
  if (key.tab) return key.shift ? "previous" : "next";
  const table = key.ctrl ? byControl : byInput;
  return Object.hasOwn(table, input) ? table[input] : undefined;
}

/** What was typed quickly, or pasted, comes at once: a press for each character. */
export function pressesOf(input: string, key: Press): [string, Press][] {
  if (input.length < 2 || key.ctrl || key.upArrow || key.downArrow) return [[input, key]];
  return [...input].map((char) => [char, char === "\r" || char === "\n" ? { return: true } : char === "\x7f" ? { backspace: true } : char === "\t" ? { tab: true } : {}]);
}
