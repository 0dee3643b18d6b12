// The full-screen view: one state, changed by keys and by what the server tells, drawn as lines of text.
import { Box, Text, useApp, useInput } from "ink";
import { useEffect, useReducer, useRef } from "react";
import { messageOf } from "../errors.ts";
import { commandLine, describe, perform } from "./actions/perform.ts";
import { CommandLine, Header, Keys, MessageLine, Tabs } from "./components/frame.tsx";
import { Page } from "./components/page.tsx";
import { Table } from "./components/table.tsx";
import { helpLines, instanceKeys } from "./help.ts";
import { placeOf, useServerData } from "./hooks/use-server-data.ts";
import { useSize } from "./hooks/use-size.ts";
import { useUsage } from "./hooks/use-usage.ts";
import { type Hands, type Leave, press } from "./input.ts";
import type { Link } from "./link.ts";
import type { State } from "./state/model.ts";
import { reduce } from "./state/reduce.ts";
import { cursorIndex, topFor, visibleRows } from "./state/visible.ts";
import { viewOf } from "./views/index.ts";

/** Header, views, column titles, message, command, keys; and one line that ink needs to write without clearing the screen. */
const frameLines = 7;
const least = { width: 40, height: 10 };

interface AppProps {
  link: Link;
  initial: State;
  /** Called when the view is to be left, with what it knows then. */
  onLeave(leave: Leave, state: State): void;
}

export function App({ link, initial, onLeave }: AppProps) {
  const [state, dispatch] = useReducer(reduce, initial);
  const { exit } = useApp();
  const { width, height: lines } = useSize();
  const height = Math.max(1, lines - frameLines);
  const refresh = useServerData(link, state, dispatch);
  useUsage(link, state, dispatch);
  const newest = useRef(state);
  newest.current = state;

  useEffect(() => dispatch({ type: "resize", height }), [height]);

  const hands: Hands = {
    state, dispatch, height, refresh,
    leave: (leave) => {
      onLeave(leave, state);
      exit();
    },
    perform: (action, rows, input) => {
      dispatch({ type: "command", command: commandLine(state.remote, action.command(rows, input)) });
      dispatch({ type: "message", message: { kind: "info", text: `${action.does}: ${describe(rows)} …` } });
      dispatch({ type: "unselect" });
      void perform(link.client, action, rows, input).then((message) => dispatch({ type: "message", message }));
    },
    openTab: (row, tab) => {
      dispatch({ type: "mode", mode: { kind: "detail", key: row.key, tab, top: 0, lines: undefined } });
      const show = (text: readonly string[]) => {
        const { mode } = newest.current;
        if (mode.kind === "detail" && mode.key === row.key && mode.tab === tab) dispatch({ type: "mode", mode: { ...mode, lines: text } });
      };
      Promise.resolve(viewOf(state.view).tabs[tab]?.load(placeOf(link, state), row) ?? []).then(show, (error: unknown) => show([messageOf(error)]));
    },
  };
  useInput((input, key) => press(hands, input, key));

  if (width < least.width || lines < least.height) return <Text>{`This terminal is too small: ${least.width}×${least.height} is the least. q quits.`}</Text>;
  return <Screen state={state} width={width} height={height} />;
}

/** What there is to see. */
export function Screen({ state, width, height }: { state: State; width: number; height: number }) {
  const view = viewOf(state.view);
  const visible = visibleRows(state);
  const cursor = cursorIndex(visible, state.cursor);
  return (
    <Box flexDirection="column" width={width} height={height + frameLines - 1}>
      <Header state={state} view={view} shown={visible.length} width={width} />
      <Tabs view={view} />
      <Box flexDirection="column" height={height + 1} overflow="hidden">
        <Body state={state} width={width} height={height} />
      </Box>
      <MessageLine state={state} width={width} />
      <CommandLine command={state.command} width={width} />
      <Keys actions={[...(view.id === "instances" ? instanceKeys : []), ...view.actions]} state={state} width={width} />
    </Box>
  );

  function Body(props: { state: State; width: number; height: number }) {
    const { mode } = props.state;
    if (mode.kind === "help") return <Page title="Help" tabs={[]} tab={0} lines={helpLines(view)} top={mode.top} width={width} height={height + 1} />;
    if (mode.kind === "detail") {
      const row = state.rows.find(({ key }) => key === mode.key);
      return <Page title={row?.name ?? "gone"} tabs={view.tabs.map(({ title }) => title)} tab={mode.tab} lines={mode.lines} top={mode.top} width={width} height={height + 1} />;
    }
    if (state.loaded && visible.length === 0) return <Text dimColor>{state.filter ? "  Nothing here matches the filter." : "  There is nothing here."}</Text>;
    return <Table {...props} columns={view.columns} rows={visible} cursor={cursor} top={topFor(cursor, state.top, height, visible.length)} />;
  }
}
