// A list: one line of text a row, so that hundreds of rows cost no more than what is on the screen.
import { Text } from "ink";
import { memo } from "react";
import type { Row, State, Tone } from "../state/model.ts";
import { fit } from "../text.ts";
import type { Column } from "../views/view.ts";

export interface Placed {
  column: Column;
  width: number;
}

const gap = 2;

/** Which columns there is room for, and how wide each is. */
export function placeColumns(columns: readonly Column[], width: number): Placed[] {
  const shown = columns.filter(({ from = 0 }) => width >= from);
  const rest = width - 2 - shown.reduce((sum, column) => sum + column.width + gap, 0);
  const growing = shown.filter(({ grow }) => grow).length;
  return shown.map((column) => ({ column, width: column.width + (column.grow && rest > 0 ? Math.floor(rest / growing) : 0) }));
}

const colors: Readonly<Record<Tone, string | undefined>> = { good: "green", bad: "red", busy: "yellow", dim: "gray", plain: undefined };

interface LineProps {
  text: string;
  color: string | undefined;
  isCursor: boolean;
  isSelected: boolean;
}

const Line = memo(({ text, color, isCursor, isSelected }: LineProps) => (
  <Text inverse={isCursor} bold={isSelected} {...(color ? { color } : {})} wrap="truncate">{`${isSelected ? "● " : "  "}${text}`}</Text>
));

export function lineOf(row: Row, placed: readonly Placed[], state: State): string {
  const cells = placed.map(({ column, width }) => fit(column.live ? column.live(row, state, width) : (row.cells[column.id] ?? ""), width, column.right));
  return cells.join(" ".repeat(gap));
}

interface TableProps {
  state: State;
  columns: readonly Column[];
  rows: readonly Row[];
  cursor: number;
  top: number;
  width: number;
  height: number;
}

export function Table({ state, columns, rows, cursor, top, width, height }: TableProps) {
  const placed = placeColumns(columns, width);
  const mark = (id: string) => (id === state.sort.column ? (state.sort.descending ? "▼" : "▲") : "");
  const header = placed.map(({ column, width: cells }) => fit(`${column.title}${mark(column.id)}`, cells, column.right)).join(" ".repeat(gap));
  const shown = rows.slice(top, top + height);
  return (
    <>
      <Text bold color="cyan" wrap="truncate">{`  ${header}`}</Text>
      {shown.map((row, i) => (
        <Line key={row.key} text={lineOf(row, placed, state)} color={colors[row.tone]} isCursor={top + i === cursor} isSelected={state.selected.has(row.key)} />
      ))}
    </>
  );
}
