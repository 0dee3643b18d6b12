// What the full-screen view draws, on a made-up terminal.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import test from "node:test";
import { render } from "ink";
import { Screen } from "../../../../cli/tui/app.tsx";
import { initialState, type Row, type State } from "../../../../cli/tui/state/model.ts";
import { reduce } from "../../../../cli/tui/state/reduce.ts";

class Output extends EventEmitter {
  readonly columns: number;
  readonly rows = 40;
  frames: string[] = [];
  constructor(columns: number) {
    super();
    this.columns = columns;
  }
  write(text: string): void {
    this.frames.push(text);
  }
}

function draw(state: State, width = 100, height = 10): string {
  const output = new Output(width);
  const view = render(<Screen state={state} width={width} height={height} />, { stdout: output as unknown as NodeJS.WriteStream, debug: true, patchConsole: false });
  view.unmount();
  return output.frames.join("").replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, "");
}

function rowOf(name: string, status = "Running"): Row {
  const cells = { name, project: "default", status, ipv4: "10.0.0.5", ipv6: "", snapshots: "0", profiles: "default" };
  return { key: `default/${name}`, name, project: "default", tone: "good", value: {}, cells };
}

const withRows = (...rows: Row[]) => reduce({ ...initialState("local", "default"), connection: "up" }, { type: "rows", rows });

test("shows the list, where it is from, and the keys", () => {
  const text = draw(withRows(rowOf("web"), rowOf("db", "Stopped")));
  assert.match(text, /Berth local: default {2}Instances \(2\)/);
  assert.match(text, /NAME▲ .*STATE/);
  assert.match(text, /db .*Stopped/);
  assert.match(text, /\? help {2}q quit/);
});

test("says that the server is gone, and what is being asked", () => {
  const state = withRows(rowOf("web"));
  assert.match(draw({ ...state, connection: "down" }), /the server is gone: connecting again/);
  assert.match(draw({ ...state, mode: { kind: "confirm", question: "Stop web?", action: "stop", keys: [], input: "" } }), /Stop web\? {2}y \/ N/);
  assert.match(draw({ ...state, message: { kind: "error", text: "no", hint: "try this" } }), /no {3}try this/);
});

test("draws only the lines that fit, the one with the cursor among them", () => {
  const rows = Array.from({ length: 200 }, (_, i) => rowOf(`c${i}`));
  let state = withRows(...rows);
  state = reduce(state, { type: "moveTo", end: "bottom", height: 10 });
  const text = draw(state);
  assert.match(text, /c199/);
  assert.match(text, /c190/);
  assert.doesNotMatch(text, /c189 /);
});

test("an empty list says so, and a filter that lets nothing through", () => {
  assert.match(draw(withRows()), /There is nothing here/);
  assert.match(draw({ ...withRows(rowOf("a")), filter: "zzz" }), /Nothing here matches the filter/);
});

test("a list of 200 is drawn in little time", () => {
  const state = withRows(...Array.from({ length: 200 }, (_, i) => rowOf(`c${i}`)));
  const output = new Output(120);
  const view = render(<Screen state={state} width={120} height={30} />, { stdout: output as unknown as NodeJS.WriteStream, patchConsole: false });
  const before = process.cpuUsage();
  for (let i = 0; i < 100; i++) view.rerender(<Screen state={reduce(state, { type: "move", by: i, height: 30 })} width={120} height={30} />);
  const { user, system } = process.cpuUsage(before);
  view.unmount();
  assert.ok((user + system) / 100 < 25_000, `${(user + system) / 100} µs of processor a frame`); // 2 frames a second, as the readings come: under 5 %
});
