// What the full-screen view knows, and how keys and events change it.
import assert from "node:assert/strict";
import test from "node:test";
import type { InstanceFull } from "../../../../server/api/instances.ts";
import { commandLine } from "../../../../cli/tui/actions/perform.ts";
import { placeColumns } from "../../../../cli/tui/components/table.tsx";
import { type Hands, type Leave, press } from "../../../../cli/tui/input.ts";
import { intentOf, pressesOf } from "../../../../cli/tui/keys.ts";
import { initialState } from "../../../../cli/tui/state/model.ts";
import { Store } from "../../../../cli/tui/state/store.ts";
import { nextUsage } from "../../../../cli/tui/state/usage.ts";
import { topFor, visibleRows } from "../../../../cli/tui/state/visible.ts";
import { fit, sparkline } from "../../../../cli/tui/text.ts";
import { findView } from "../../../../cli/tui/views/index.ts";
import { instanceRow, instancesView } from "../../../../cli/tui/views/instances.ts";

function instance(name: string, status = "Running"): InstanceFull {
  const code = { Running: 103, Stopped: 102, Frozen: 110 }[status] ?? 103;
  return {
    name, status, status_code: code, project: "default", profiles: ["default"], snapshots: null, backups: null, ephemeral: false, config: {}, devices: {},
    state: { pid: status === "Stopped" ? 0 : 7, cpu: { usage: 0 }, memory: { usage: 1024 ** 2 }, network: {} },
  } as unknown as InstanceFull;
}

interface Done {
  action: string;
  names: string[];
  input: string;
}

function setUp(...names: string[]) {
  const store = new Store({ ...initialState("local", "default"), connection: "up" });
  store.dispatch({ type: "rows", rows: names.map((name) => instanceRow(instance(name.replace("!", ""), name.endsWith("!") ? "Stopped" : "Running"))) });
  const done: Done[] = [];
  const left: Leave[] = [];
  const hands: Hands = {
    state: store.get, dispatch: store.dispatch, height: 5, refresh() {}, leave: (leave) => left.push(leave), openTab() {},
    perform: (action, rows, input) => done.push({ action: action.id, names: rows.map(({ name }) => name), input }),
  };
  const type = (text: string) => {
    for (const [input, key] of pressesOf(text, {})) press(hands, input, key);
  };
  return { store, done, left, hands, type };
}

const shown = (store: Store) => visibleRows(store.get()).map(({ name }) => name);

test("lines are sorted naturally, filtered by any of their cells, and keep their order backwards", () => {
  const { store, type } = setUp("web10", "web2", "db");
  assert.deepEqual(shown(store), ["db", "web2", "web10"]);
  type("O");
  assert.deepEqual(shown(store), ["web10", "web2", "db"]);
  type("/we\r");
  assert.deepEqual(shown(store), ["web10", "web2"]);
  assert.equal(store.get().mode.kind, "list");
});

test("a dangerous action is done after y only, to the line under the cursor", () => {
  const { store, done, type } = setUp("a", "b");
  type("jx");
  const { mode } = store.get();
  assert.ok(mode.kind === "confirm" && mode.question === "Stop b?");
  type("n");
  assert.deepEqual(done, []);
  type("xy");
  assert.deepEqual(done, [{ action: "stop", names: ["b"], input: "" }]);
});

test("an action is done to what is selected, as far as it makes sense there", () => {
  const { store, done, type } = setUp("a", "b!", "c");
  type("   s");
  assert.deepEqual(done, [{ action: "start", names: ["b"], input: "" }]);
  type("xy");
  assert.deepEqual(done[1]?.names, ["a", "c"]);
  type("g");
  store.dispatch({ type: "unselect" });
  type("jx");
  assert.match(store.get().message?.text ?? "", /nothing here to stop/);
});

test("an action that asks for a text gets it; Escape takes it back", () => {
  const { done, hands, type, store } = setUp("a");
  type("S");
  type("befort\x7fe\r");
  assert.deepEqual(done, [{ action: "snapshot", names: ["a"], input: "before" }]);
  type("n");
  press(hands, "", { escape: true });
  assert.equal(store.get().mode.kind, "list");
  assert.equal(done.length, 1);
});

test("what was meant for a line that is gone meanwhile is not done to another", () => {
  const { store, done, type } = setUp("a", "b");
  type("d");
  store.dispatch({ type: "row", key: "default/a", row: undefined });
  type("y");
  assert.deepEqual(done, []);
  assert.deepEqual(shown(store), ["b"]);
});

test("views are found by name, other names and beginnings; unknown ones are told of", () => {
  assert.equal(findView("img")?.id, "images");
  assert.equal(findView("sto")?.id, "storage");
  const { store, type, left } = setUp("a");
  type(":nothing\r");
  assert.match(store.get().message?.text ?? "", /no view "nothing"/);
  type(":project web\r");
  assert.equal(store.get().project, "web");
  type(":remote far\r");
  assert.deepEqual(left, [{ to: "remote", remote: "far" }]);
});

test("the cursor stays on its line when others come and go", () => {
  const { store, type } = setUp("b", "c");
  type("j");
  store.dispatch({ type: "row", key: "default/a", row: instanceRow(instance("a")) });
  assert.equal(store.get().cursor, "default/c");
});

test("the window follows the cursor and never shows less than it could", () => {
  assert.equal(topFor(0, 0, 5, 20), 0);
  assert.equal(topFor(7, 0, 5, 20), 3);
  assert.equal(topFor(2, 5, 5, 20), 2);
  assert.equal(topFor(3, 15, 5, 4), 0);
});

test("use of processors is what came since the last reading", () => {
  const at = (usage: number) => [{ ...instance("a"), state: { ...instance("a").state, cpu: { usage } } } as InstanceFull];
  const key = ({ name }: InstanceFull) => name;
  const first = nextUsage(new Map(), at(1e9), key, 1000);
  assert.deepEqual(first.get("a")?.cpuHistory, []);
  const second = nextUsage(first, at(2e9), key, 3000);
  assert.deepEqual(second.get("a")?.cpuHistory, [50]);
  assert.deepEqual(nextUsage(second, at(0), key, 4000).get("a")?.cpuHistory, [50], "a restarted one counts from 0 again");
});

test("text takes exactly the cells it is given", () => {
  assert.equal(fit("web", 5), "web  ");
  assert.equal(fit("web", 5, true), "  web");
  assert.equal(fit("abcdef", 4), "abc…");
  assert.equal(fit("日本語", 5), "日本…");
  assert.equal(fit("日本語", 4), "日… ");
  assert.equal(fit("a\x1b[2Jb", 6), "a [2Jb");
  assert.equal(sparkline([0, 50, 100], 5, 100), "  ▁▅█");
});

test("narrow terminals show fewer columns, none wider than there is room", () => {
  for (const width of [40, 80, 100, 140]) {
    const placed = placeColumns(instancesView.columns, width);
    const total = placed.reduce((sum, one) => sum + one.width + 2, 2);
    assert.ok(width < 80 || total <= width + 2, `${width}: ${total}`);
  }
  const titles = (width: number) => placeColumns(instancesView.columns, width).map(({ column }) => column.title);
  assert.ok(!titles(80).includes("IPV6") && titles(140).includes("IPV6"));
});

test("the equal command is quoted for a shell, and names a remote that is not this machine", () => {
  assert.equal(commandLine("local", ["snapshot", "c1", "it's"]), "berth snapshot c1 'it'\\''s'");
  assert.match(commandLine("far", ["stop", "c1"]), /of the remote far/);
});

test("keys mean the same by letter and by arrow", () => {
  assert.equal(intentOf("j", {}), "down");
  assert.equal(intentOf("", { downArrow: true }), "down");
  assert.deepEqual([intentOf("", { home: true }), intentOf("", { end: true })], ["top", "bottom"]);
  assert.equal(intentOf("c", { ctrl: true }), "quit");
  assert.equal(intentOf("toString", {}), undefined);
});
