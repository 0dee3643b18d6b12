// The control socket of an exec: window sizes and signals. What comes before it is connected waits.
import { closeSync, constants as fsConstants, openSync } from "node:fs";
import { constants } from "node:os";
import type { ExecControl } from "../../server/api/instances.ts";
import type { WebSocketClient } from "../transport/websocket.ts";

const forwarded = [
  "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGCONT",
] as const satisfies NodeJS.Signals[];
/** Not all systems have all of them. */
const known = () => forwarded.filter((signal) => signal in constants.signals);

export class ControlChannel {
  readonly #interactive: boolean;
  readonly #waiting: string[] = [];
  #socket: WebSocketClient | undefined;
  readonly #onSignal = (signal: NodeJS.Signals) => this.#forward(signal);

  /** From now on signals are not ours but the command's. */
  constructor(interactive: boolean) {
    this.#interactive = interactive;
    for (const signal of known()) process.on(signal, this.#onSignal);
  }

  attach(socket: WebSocketClient | undefined): void {
    this.#socket = socket;
    for (const message of this.#waiting.splice(0)) socket?.send(message, () => {});
  }

  /** Tells the size of our terminal. */
  resize(): void {
    if (!this.#interactive || !process.stdout.isTTY) return;
    const [width, height] = process.stdout.getWindowSize();
    this.#send({ command: "window-resize", args: { width: String(width), height: String(height) }, signal: 0 });
  }

  close(): void {
    for (const signal of known()) process.off(signal, this.#onSignal);
    this.#socket?.close();
  }

  #forward(signal: NodeJS.Signals): void {
    // Without a terminal a hang-up is no news to the command, but the client's end is.
    const meant = signal === "SIGHUP" && !hasTerminal() ? "SIGTERM" : signal;
    this.#send({ command: "signal", signal: constants.signals[meant] });
  }

  #send(message: ExecControl): void {
    const text = JSON.stringify(message);
    if (this.#socket) this.#socket.send(text, () => {});
    else this.#waiting.push(text);
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", fsConstants.O_RDONLY | fsConstants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
