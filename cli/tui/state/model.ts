// What the full-screen view knows: plain data, changed by reduce.ts only.
import type { Operation } from "../../../server/api/operations.ts";

export type Tone = "good" | "bad" | "busy" | "dim" | "plain";

/** One line of a list. */
export interface Row {
  /** What it is known by among the lines of its view. */
  key: string;
  name: string;
  project: string;
  /** By column. */
  cells: Readonly<Record<string, string>>;
  tone: Tone;
  /** What the server told of it. */
  value: unknown;
}

/** What a running instance uses, by its row's key. */
export interface Usage {
  /** Nanoseconds of processor time, and when that was read (ms). */
  cpuTotal: number;
  readAt: number;
  /** Of one processor, in percent; the newest last. */
  cpuHistory: readonly number[];
  /** Bytes. */
  memory: number;
}

export type Mode =
  | { kind: "list" }
  | { kind: "filter" }
  | { kind: "command"; text: string }
  | { kind: "confirm"; question: string; action: string; keys: readonly string[]; input: string }
  | { kind: "prompt"; label: string; text: string; action: string; keys: readonly string[] }
  | { kind: "detail"; key: string; tab: number; top: number; lines: readonly string[] | undefined }
  | { kind: "help"; top: number };

export interface Message {
  kind: "info" | "error";
  text: string;
  hint?: string | undefined;
}

export interface State {
  remote: string;
  project: string;
  allProjects: boolean;
  connection: "connecting" | "up" | "down";
  view: string;
  /** The row of another view that this one is about: the instance of its snapshots. */
  scope: Row | undefined;
  rows: readonly Row[];
  /** Whether `rows` are those of `view` yet. */
  loaded: boolean;
  usage: ReadonlyMap<string, Usage>;
  /** Key of the line that the cursor is on. */
  cursor: string;
  /** First line that is shown. */
  top: number;
  filter: string;
  sort: { column: string; descending: boolean };
  selected: ReadonlySet<string>;
  mode: Mode;
  message: Message | undefined;
  /** The command that does what was done last. */
  command: string;
  operations: ReadonlyMap<string, Operation>;
}

export function initialState(remote: string, project: string): State {
  return {
    remote, project, allProjects: false, connection: "connecting", view: "instances", scope: undefined, rows: [], loaded: false, usage: new Map(),
    cursor: "", top: 0, filter: "", sort: { column: "name", descending: false }, selected: new Set(), mode: { kind: "list" }, message: undefined,
    command: "", operations: new Map(),
  };
}
