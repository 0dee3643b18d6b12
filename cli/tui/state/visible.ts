// Which lines of a list are shown, and where the cursor is among them.
import { compareNatural } from "../../output/natural.ts";
import type { Row, State } from "./model.ts";

function sortKey(row: Row, column: string): string {
  return row.cells[column] ?? "";
}

/** The lines that the filter lets through, in their order. */
export function visibleRows({ rows, filter, sort }: Pick<State, "rows" | "filter" | "sort">): Row[] {
  const wanted = filter.toLowerCase();
  const kept = wanted === "" ? [...rows] : rows.filter((row) => Object.values(row.cells).some((cell) => cell.toLowerCase().includes(wanted)));
  kept.sort((a, b) => compareNatural(sortKey(a, sort.column), sortKey(b, sort.column)) || compareNatural(a.name, b.name) || compareNatural(a.project, b.project));
  return sort.descending ? kept.reverse() : kept;
}

/** Where the cursor is: on the line it was put on, or, when that is gone, on the first. */
export function cursorIndex(visible: readonly Row[], cursor: string): number {
  return Math.max(0, visible.findIndex((row) => row.key === cursor));
}

/** The first line to show, so that the cursor's is among `height`. */
export function topFor(index: number, top: number, height: number, count: number): number {
  const most = Math.max(0, count - height);
  if (index < top) return Math.min(index, most);
  if (index >= top + height) return Math.min(index - height + 1, most);
  return Math.min(top, most);
}

/** What an action is about: the selected lines, or the one under the cursor. */
export function targetsOf(state: State): Row[] {
  const visible = visibleRows(state);
  const chosen = visible.filter((row) => state.selected.has(row.key));
  if (chosen.length > 0) return chosen;
  const under = visible[cursorIndex(visible, state.cursor)];
  return under ? [under] : [];
}
