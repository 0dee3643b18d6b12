// What is a terminal, and how wide it is.
import { isatty } from "node:tty";

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

/** The columns of the terminal that stdout is; undefined when it is none. */
export function terminalWidth(): number | undefined {
  return isatty(1) ? process.stdout.columns : undefined;
}
