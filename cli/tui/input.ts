// What a key press does, in each mode.
import { lastTop } from "./components/page.tsx";
import { helpLines } from "./help.ts";
import { intentOf, type Press } from "./keys.ts";
import type { Row, State } from "./state/model.ts";
import type { Change } from "./state/reduce.ts";
import { cursorIndex, targetsOf, visibleRows } from "./state/visible.ts";
import { findView, viewOf, views } from "./views/index.ts";
import type { Action } from "./views/view.ts";

/** Why the view is left; it comes back afterwards, but for `quit`. */
export type Leave = { to: "quit" } | { to: "suspend" } | { to: "shell" | "console"; row: Row } | { to: "remote"; remote: string };

export interface Hands {
  state(): State;
  dispatch(change: Change): void;
  /** Lines of a list. */
  height: number;
  refresh(): void;
  leave(leave: Leave): void;
  perform(action: Action, rows: readonly Row[], input: string): void;
  /** Reads a page of the details. */
  openTab(row: Row, tab: number): void;
}

export function press(hands: Hands, input: string, key: Press): void {
  const { mode } = hands.state();
  if (key.ctrl && input === "c") return hands.leave({ to: "quit" });
  if (key.ctrl && input === "z") return hands.leave({ to: "suspend" });
  switch (mode.kind) {
    case "filter":
    case "command":
    case "prompt":
      return pressText(hands, input, key);
    case "confirm":
      return pressConfirm(hands, input);
    case "detail":
    case "help":
      return pressPage(hands, input, key);
    case "list":
      return pressList(hands, input, key);
  }
}

const list = { type: "mode", mode: { kind: "list" } } as const;

/** The text that is being typed, and where it goes. */
function pressText(hands: Hands, input: string, key: Press): void {
  const { dispatch } = hands;
  const state = hands.state();
  const { mode } = state;
  if (mode.kind !== "filter" && mode.kind !== "command" && mode.kind !== "prompt") return;
  if (key.escape) {
    if (mode.kind === "filter") dispatch({ type: "filter", text: "" });
    return dispatch(list);
  }
  const text = mode.kind === "filter" ? state.filter : mode.text;
  if (key.return) return submit(hands, text);
  const next = key.backspace || key.delete ? [...text].slice(0, -1).join("") : key.ctrl && input === "u" ? "" : key.ctrl || key.tab ? text : text + input.replace(/[\0-\x1f\x7f]/g, "");
  if (mode.kind === "filter") dispatch({ type: "filter", text: next });
  else dispatch({ type: "mode", mode: { ...mode, text: next } });
}

function submit(hands: Hands, text: string): void {
  const { dispatch } = hands;
  const state = hands.state();
  const { mode } = state;
  dispatch(list);
  if (mode.kind === "command") return jump(hands, text.trim());
  if (mode.kind !== "prompt") return;
  const action = viewOf(state.view).actions.find(({ id }) => id === mode.action);
  const rows = state.rows.filter(({ key }) => mode.keys.includes(key));
  if (action && rows.length > 0) hands.perform(action, rows, text.trim());
}

function jump({ dispatch, leave }: Hands, text: string): void {
  const [word = "", argument = ""] = text.split(/\s+/);
  if (word === "") return;
  if (word === "q" || word === "quit") return leave({ to: "quit" });
  if (word === "project" && argument) return dispatch({ type: "place", project: argument, allProjects: false });
  if (word === "remote" && argument) return leave({ to: "remote", remote: argument });
  const view = findView(word);
  if (view) return dispatch({ type: "view", view: view.id, sort: view.columns[0]?.id ?? "name" });
  dispatch({ type: "message", message: { kind: "error", text: `There is no view "${word}"`, hint: `${views.map(({ id }) => id).join(", ")}, project NAME, remote NAME` } });
}

function pressConfirm(hands: Hands, input: string): void {
  const { dispatch } = hands;
  const state = hands.state();
  const { mode } = state;
  if (mode.kind !== "confirm") return;
  dispatch(list);
  if (input !== "y" && input !== "Y") return;
  const action = viewOf(state.view).actions.find(({ id }) => id === mode.action);
  const rows = state.rows.filter(({ key }) => mode.keys.includes(key));
  if (action && rows.length > 0) hands.perform(action, rows, mode.input);
}

function pressPage(hands: Hands, input: string, key: Press): void {
  const { dispatch, height } = hands;
  const state = hands.state();
  const { mode } = state;
  if (mode.kind !== "detail" && mode.kind !== "help") return;
  const intent = intentOf(input, key);
  if (intent === "back" || intent === "quit" || intent === "help") return dispatch(list);
  if (mode.kind === "detail" && (intent === "next" || intent === "previous" || key.return)) {
    const row = state.rows.find((one) => one.key === mode.key);
    const count = viewOf(state.view).tabs.length;
    if (row) hands.openTab(row, (mode.tab + (intent === "previous" ? count - 1 : 1)) % count);
    return;
  }
  const lines = mode.kind === "help" ? helpLines(viewOf(state.view)) : mode.lines;
  const last = lastTop(lines, height + 1);
  const moves: Partial<Record<string, number>> = { down: mode.top + 1, up: mode.top - 1, pageDown: mode.top + height, pageUp: mode.top - height, top: 0, bottom: last };
  const to = intent && moves[intent];
  if (to !== undefined) dispatch({ type: "mode", mode: { ...mode, top: Math.max(0, Math.min(last, to)) } });
}

function pressList(hands: Hands, input: string, key: Press): void {
  const { dispatch, height } = hands;
  const state = hands.state();
  if (state.message) dispatch({ type: "message", message: undefined });
  const intent = intentOf(input, key);
  switch (intent) {
    case "down":
    case "up":
      return dispatch({ type: "move", by: intent === "down" ? 1 : -1, height });
    case "pageDown":
    case "pageUp":
      return dispatch({ type: "move", by: intent === "pageDown" ? height : -height, height });
    case "top":
    case "bottom":
      return dispatch({ type: "moveTo", end: intent, height });
    case "open":
      return open(hands);
    case "back":
      return back(hands);
    case "select":
      return select(hands);
    case "filter":
      return dispatch({ type: "mode", mode: { kind: "filter" } });
    case "jump":
      return dispatch({ type: "mode", mode: { kind: "command", text: "" } });
    case "sort":
    case "reverse":
      return sort(hands, intent === "reverse");
    case "next":
    case "previous":
      return nextView(hands, intent === "next" ? 1 : -1);
    case "projects":
      return dispatch({ type: "place", allProjects: !state.allProjects });
    case "refresh":
      return hands.refresh();
    case "help":
      return dispatch({ type: "mode", mode: { kind: "help", top: 0 } });
    case "suspend":
    case "quit":
      return hands.leave({ to: intent });
    case undefined:
      if (!key.ctrl) act(hands, input);
  }
}

function underCursor(state: State): Row | undefined {
  const visible = visibleRows(state);
  return visible[cursorIndex(visible, state.cursor)];
}

function open(hands: Hands): void {
  const row = underCursor(hands.state());
  if (row) hands.openTab(row, 0);
}

function back({ state: get, dispatch }: Hands): void {
  const state = get();
  if (state.selected.size > 0) dispatch({ type: "unselect" });
  else if (state.filter) dispatch({ type: "filter", text: "" });
  else if (state.scope) dispatch({ type: "view", view: "instances", sort: "name" });
}

function select({ state: get, dispatch, height }: Hands): void {
  const state = get();
  const row = underCursor(state);
  if (!row) return;
  dispatch({ type: "select", key: row.key });
  dispatch({ type: "move", by: 1, height });
}

function sort({ state: get, dispatch }: Hands, reverse: boolean): void {
  const state = get();
  if (reverse) return dispatch({ type: "sort", column: state.sort.column, descending: !state.sort.descending });
  const ids = viewOf(state.view).columns.filter(({ live }) => !live).map(({ id }) => id);
  dispatch({ type: "sort", column: ids[(ids.indexOf(state.sort.column) + 1) % ids.length] ?? "name", descending: false });
}

function nextView({ state: get, dispatch }: Hands, by: number): void {
  const state = get();
  const at = Math.max(0, views.findIndex(({ id }) => id === state.view));
  const view = views[(at + by + views.length) % views.length];
  if (view) dispatch({ type: "view", view: view.id, sort: view.columns[0]?.id ?? "name" });
}

/** A key of the view's own: an action on the selected lines, or on the one under the cursor. */
function act(hands: Hands, input: string): void {
  const { dispatch } = hands;
  const state = hands.state();
  const view = viewOf(state.view);
  const row = underCursor(state);
  if (view.id === "instances" && row) {
    if (input === "t") return dispatch({ type: "view", view: "snapshots", scope: row, sort: "created" });
    if (input === "e" || input === "C") return hands.leave({ to: input === "e" ? "shell" : "console", row });
  }
  const action = view.actions.find(({ key }) => key === input);
  if (!action) return;
  const rows = targetsOf(state).filter((target) => action.when?.(target) ?? true);
  const [first] = rows;
  const say = (text: string) => dispatch({ type: "message", message: { kind: "error", text } });
  if (!first) return say(`There is nothing here to ${action.does}`);
  if (action.single && rows.length > 1) return say(`To ${action.does}, choose one line only`);
  const keys = rows.map(({ key }) => key);
  if (action.prompt) return dispatch({ type: "mode", mode: { kind: "prompt", ...action.prompt(first), action: action.id, keys } });
  if (action.confirm) return dispatch({ type: "mode", mode: { kind: "confirm", question: action.confirm(rows), action: action.id, keys, input: "" } });
  hands.perform(action, rows, "");
}
