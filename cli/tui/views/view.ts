// What a view is: a list of things of one kind, its columns, what can be done to them, and what details they have.
import type { Client } from "../../../server/api/client.ts";
import type { Row, State, Tone } from "../state/model.ts";

export interface Column {
  id: string;
  title: string;
  /** Cells; `grow`: takes what is left, with at least that many. */
  width: number;
  grow?: true;
  right?: true;
  /** Left out of a terminal that is narrower. */
  from?: number;
  /** What is not in the row's cells: use of a running instance. */
  live?: (row: Row, state: State, width: number) => string;
}

/** Where a view's things are looked for. */
export interface Place {
  client: Client;
  project: string;
  allProjects: boolean;
  scope: Row | undefined;
}

export interface Action {
  id: string;
  key: string;
  does: string;
  /** Asks before it is done; what it would do, for the question. */
  confirm?: (rows: readonly Row[]) => string;
  /** Asks for a text first. */
  prompt?: (row: Row) => { label: string; text: string };
  /** Only for one line at a time. */
  single?: true;
  /** Whether it makes sense for a line; absent: always. */
  when?: (row: Row) => boolean;
  /** The words of the equal command after `berth`. */
  command: (rows: readonly Row[], input: string) => string[];
  run: (client: Client, row: Row, input: string) => Promise<unknown>;
}

export interface Tab {
  title: string;
  /** Lines of text. */
  load: (place: Place, row: Row) => Promise<string[]> | string[];
}

export interface View {
  id: string;
  title: string;
  /** Other names to jump to it by. */
  aliases: readonly string[];
  columns: readonly Column[];
  load: (place: Place) => Promise<Row[]>;
  /** Reads one line anew, by the event's source; absent: the whole list is read. `undefined`: it is gone. */
  reload?: (place: Place, source: URL) => Promise<{ key: string; row: Row | undefined } | undefined>;
  /** Actions of lifecycle events that change this list. */
  concerns: RegExp;
  actions: readonly Action[];
  tabs: readonly Tab[];
  /** Whether operations change the list. */
  followsOperations?: true;
}

const tones: Readonly<Record<string, Tone>> = {
  Running: "good", Ready: "good", Created: "good", Success: "good", Frozen: "busy", Pending: "busy", Stopped: "dim", Error: "bad", Errored: "bad", Failure: "bad", Unavailable: "bad",
};

/** How a status is shown. */
export function toneOf(status: string): Tone {
  return Object.hasOwn(tones, status) ? (tones[status] ?? "plain") : "plain";
}

/** A query for things of a project or of all. */
export function listArguments({ project, allProjects }: Place): Record<string, string> {
  return { recursion: "1", ...(allProjects ? { "all-projects": "true" } : { project }) };
}

export const projectWords = (row: Row) => (row.project === "" || row.project === "default" ? [] : ["--project", row.project]);
