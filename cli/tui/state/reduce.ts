// Every change of what the full-screen view knows.
import type { Operation } from "../../../server/api/operations.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import type { Message, Mode, Row, State, Usage } from "./model.ts";
import { cursorIndex, topFor, visibleRows } from "./visible.ts";

export type Change =
  | { type: "connection"; connection: State["connection"] }
  | { type: "rows"; rows: readonly Row[] }
  | { type: "row"; key: string; row: Row | undefined }
  | { type: "usage"; usage: ReadonlyMap<string, Usage> }
  | { type: "operation"; operation: Operation }
  | { type: "move"; by: number; height: number }
  | { type: "moveTo"; end: "top" | "bottom"; height: number }
  | { type: "resize"; height: number }
  | { type: "view"; view: string; scope?: Row | undefined; sort: string }
  | { type: "place"; remote?: string; project?: string; allProjects?: boolean }
  | { type: "filter"; text: string }
  | { type: "sort"; column: string; descending: boolean }
  | { type: "select"; key: string }
  | { type: "unselect" }
  | { type: "mode"; mode: Mode }
  | { type: "message"; message: Message | undefined }
  | { type: "command"; command: string };

export function reduce(state: State, change: Change): State {
  switch (change.type) {
    case "connection":
      return change.connection === state.connection ? state : { ...state, connection: change.connection };
    case "rows":
      return keepSelection({ ...state, rows: change.rows, loaded: true });
    case "row":
      return keepSelection({ ...state, rows: replaceRow(state.rows, change.key, change.row) });
    case "usage":
      return { ...state, usage: change.usage };
    case "operation":
      return { ...state, operations: withOperation(state.operations, change.operation) };
    case "move":
      return move(state, (index) => index + change.by, change.height);
    case "moveTo":
      return move(state, (_, count) => (change.end === "top" ? 0 : count - 1), change.height);
    case "resize":
      return move(state, (index) => index, change.height);
    case "view":
      return {
        ...state, view: change.view, scope: change.scope, rows: [], loaded: false, cursor: "", top: 0, filter: "", selected: new Set(),
        sort: { column: change.sort, descending: false }, mode: { kind: "list" },
      };
    case "place": {
      const { type: _, ...place } = change;
      return { ...state, ...place, rows: [], loaded: false, cursor: "", top: 0, selected: new Set(), usage: new Map(), operations: new Map(), mode: { kind: "list" } };
    }
    case "filter":
      return { ...state, filter: change.text, top: 0 };
    case "sort":
      return { ...state, sort: { column: change.column, descending: change.descending } };
    case "select": {
      const selected = new Set(state.selected);
      if (!selected.delete(change.key)) selected.add(change.key);
      return { ...state, selected };
    }
    case "unselect":
      return { ...state, selected: new Set() };
    case "mode":
      return { ...state, mode: change.mode };
    case "message":
      return { ...state, message: change.message };
    case "command":
      return { ...state, command: change.command };
  }
}

function replaceRow(rows: readonly Row[], key: string, row: Row | undefined): readonly Row[] {
  const at = rows.findIndex((one) => one.key === key);
  if (!row) return at < 0 ? rows : rows.toSpliced(at, 1);
  return at < 0 ? [...rows, row] : rows.with(at, row);
}

function keepSelection(state: State): State {
  const keys = new Set(state.rows.map(({ key }) => key));
  return [...state.selected].every((key) => keys.has(key)) ? state : { ...state, selected: new Set([...state.selected].filter((key) => keys.has(key))) };
}

/** Those that go on; one that has ended is forgotten. */
function withOperation(operations: State["operations"], operation: Operation): State["operations"] {
  const next = new Map(operations);
  if (operation.status_code >= statusCodes.Success) next.delete(operation.id);
  else next.set(operation.id, operation);
  return next;
}

function move(state: State, to: (index: number, count: number) => number, height: number): State {
  const visible = visibleRows(state);
  const index = Math.max(0, Math.min(visible.length - 1, to(cursorIndex(visible, state.cursor), visible.length)));
  const top = topFor(index, state.top, height, visible.length);
  const cursor = visible[index]?.key ?? "";
  return cursor === state.cursor && top === state.top ? state : { ...state, cursor, top };
}
