// berth tui: takes the terminal, shows the view, and gives the terminal back, whatever happens.
import { render } from "ink";
import type { Context } from "../context.ts";
import { CliError, hintOf, messageOf } from "../errors.ts";
import { commandLine } from "./actions/perform.ts";
import { App } from "./app.tsx";
import type { Leave } from "./input.ts";
import { initialState, type Row, type State } from "./state/model.ts";
import { Store } from "./state/store.ts";
import { runOnTerminal } from "./terminal.ts";
import { projectWords } from "./views/view.ts";

const enter = "\x1b[?1049h\x1b[H";
const restore = "\x1b[?25h\x1b[?1049l";

/** Shows the view until it is left. The terminal is as before then. */
async function show(ctx: Context, store: Store): Promise<Leave> {
  const link = ctx.serverOf(store.get().remote);
  let leave: Leave = { to: "quit" };
  process.stdout.write(enter);
  const giveBack = () => void process.stdout.write(restore);
  process.once("exit", giveBack);
  try {
    const view = render(<App link={link} store={store} onLeave={(wanted) => (leave = wanted)} />, { exitOnCtrlC: false, patchConsole: false, maxFps: 20 });
    await view.waitUntilExit();
  } finally {
    process.off("exit", giveBack);
    giveBack();
  }
  return leave;
}

/** Runs the full-screen view to its end. `remote`: of the server to look at. */
export async function runTui(ctx: Context, remote: string): Promise<number> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw new CliError("berth tui needs a terminal", { hint: "berth list prints the same for scripts." });
  let state = initialState(remote, ctx.serverOf(remote).project || "default");
  for (;;) {
    const store = new Store({ ...state, connection: "connecting", mode: { kind: "list" } });
    const leave = await show(ctx, store);
    if (leave.to === "quit") return 0;
    state = await follow(ctx, leave, store.get());
  }
}

/** Does what the view was left for. Resolves to what it goes on with. */
async function follow(ctx: Context, leave: Leave, state: State): Promise<State> {
  switch (leave.to) {
    case "suspend":
      await suspend();
      return state;
    case "remote":
      return changeRemote(ctx, leave.remote, state);
    case "shell":
    case "console":
      return withTerminal(ctx, leave.to, leave.row, state);
    default:
      return state;
  }
}

/** Stops as Ctrl-Z does any program, and resolves when it goes on. */
function suspend(): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000); // nothing else keeps us from ending
    process.once("SIGCONT", () => {
      clearInterval(alive);
      resolve();
    });
    process.kill(process.pid, "SIGSTOP");
  });
}

function changeRemote(ctx: Context, remote: string, state: State): State {
  try {
    const server = ctx.serverOf(remote);
    if (server.isPublic) throw new CliError(`"${remote}" has images and nothing else`);
    return initialState(remote, server.project || "default");
  } catch (error) {
    return { ...state, message: { kind: "error", text: messageOf(error), hint: hintOf(error) } };
  }
}

/** A shell in an instance, or its console, on the whole terminal. */
async function withTerminal(ctx: Context, kind: "shell" | "console", row: Row, state: State): Promise<State> {
  const words = [kind, `${state.remote}:${row.name}`, ...projectWords(row)];
  const command = commandLine("local", [kind, state.remote === "local" ? row.name : `${state.remote}:${row.name}`, ...projectWords(row)]);
  const globals = ctx.globals["force-local"] ? ["--force-local"] : [];
  try {
    await runOnTerminal([...globals, ...words]);
    return { ...state, command, message: undefined };
  } catch (error) {
    return { ...state, command, message: { kind: "error", text: messageOf(error), hint: hintOf(error) } };
  }
}
