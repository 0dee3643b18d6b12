// A text that is drawn over and over, until the user has seen enough. What is no terminal gets it as plain text.
import { isatty } from "node:tty";
import { writeNow } from "./write.ts";

export interface Screen extends AsyncDisposable {
  /** Whether it is a terminal, which is drawn over. */
  readonly isLive: boolean;
  draw(text: string): void;
  /** Resolves to false when the user wants to leave. `wake` ends the sleep early. */
  sleep(milliseconds: number, wake?: Promise<unknown>): Promise<boolean>;
}

export function openScreen(): Screen {
  const isLive = isatty(1);
  const hasKeys = isLive && isatty(0);
  let leave = () => {};
  const left = new Promise<false>((resolve) => {
    leave = () => resolve(false);
  });
  const onKey = (data: Buffer) => {
    if (/[qQ\x03\x04\x1b]/.test(data.toString("latin1"))) leave();
  };
  const restore = () => {
    if (hasKeys) process.stdin.setRawMode(false);
    if (isLive) writeNow(1, "\x1b[?25h\x1b[?1049l");
  };
  if (isLive) writeNow(1, "\x1b[?1049h\x1b[?25l");
  if (hasKeys) process.stdin.setRawMode(true).on("data", onKey);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, leave);
  process.once("exit", restore);
  return {
    isLive,
    draw(text) {
      if (!isLive) return writeNow(1, text);
      const [columns, rows] = process.stdout.getWindowSize();
      const lines = text.trimEnd().split("\n").slice(0, rows - 1).map((line) => `${[...line].slice(0, columns).join("")}\x1b[K`);
      writeNow(1, `\x1b[H${lines.join("\r\n")}\x1b[J`);
    },
    async sleep(milliseconds, wake) {
      let timer: NodeJS.Timeout | undefined;
      const slept = new Promise<true>((resolve) => (timer = setTimeout(resolve, milliseconds, true)));
      const go = await Promise.race([left, slept, ...(wake ? [wake.then(() => true)] : [])]);
      clearTimeout(timer);
      return go;
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", restore);
      if (hasKeys) process.stdin.off("data", onKey).pause();
      restore();
    },
  };
}
