// The full-screen view: one state, changed by keys and by what the server tells, drawn as lines of text.
import { Box, Text, useApp, useInput } from "ink";
import { useEffect, useSyncExternalStore } from "react";
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
import { pressesOf } from "./keys.ts";
import type { Row, State } from "./state/model.ts";
import type { Store } from "./state/store.ts";
import { cursorIndex, topFor, visibleRows } from "./state/visible.ts";
import { viewOf } from "./views/index.ts";

/** Header, views, column titles, message, command, keys; and one line that ink needs to write without clearing the screen. */
const frameLines = 7;
const least = { width: 40, height: 10 };

interface AppProps {
  link: Link;
  store: Store;
  /** Called when the view is to be left. */
  onLeave(leave: Leave): void;
}

export function App({ link, store, onLeave }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, store.get);
  const { dispatch } = store;
  const { exit } = useApp();
  const { width, height: lines } = useSize();
  const height = Math.max(1, lines - frameLines);
  const refresh = useServerData(link, store);
  useUsage(link, store);

  useEffect(() => dispatch({ type: "resize", height }), [height, dispatch]);

  const hands: Hands = {
    state: store.get, dispatch, height, refresh,
    leave: (leave) => {
      onLeave(leave);
      exit();
    },
    perform: (action, rows, input) => {
      dispatch({ type: "command", command: commandLine(store.get().remote, action.command(rows, input)) });
      dispatch({ type: "message", message: { kind: "info", text: `${action.does}: ${describe(rows)} …` } });
      dispatch({ type: "unselect" });
      void perform(link.client, action, rows, input).then((message) => dispatch({ type: "message", message }));
    },
    openTab: (row, tab) => void openTab(link, store, row, tab),
  };
  useInput((input, key) => {
    for (const [one, its] of pressesOf(input, key)) press(hands, one, its);
  });

  if (width < least.width || lines < least.height) return <Text>{`This terminal is too small: ${least.width}×${least.height} is the least. q quits.`}</Text>;
  return <Screen state={state} width={width} height={height} />;
}

/** Reads a page of the details, and shows it if it is still wanted then. */
async function openTab(link: Link, { get, dispatch }: Store, row: Row, tab: number): Promise<void> {
  dispatch({ type: "mode", mode: { kind: "detail", key: row.key, tab, top: 0, lines: undefined } });
  const read = async () => (await viewOf(get().view).tabs[tab]?.load(placeOf(link, get()), row)) ?? [];
  const lines = await read().catch((error: unknown) => [messageOf(error)]);
  const { mode } = get();
  if (mode.kind === "detail" && mode.key === row.key && mode.tab === tab) dispatch({ type: "mode", mode: { ...mode, lines } });
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
