// Errors of the client itself, and how any error is shown.
import { BerthError } from "../server/api/errors.ts";

/** An error meant for the user, with the way out and the exit status. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { hint?: string | undefined; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Nobody reads the output any more: the program ends without a word. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

/** What is to be done about an error, if anything is known. */
export function hintOf(error: unknown): string | undefined {
  return error instanceof CliError || error instanceof BerthError ? error.hint : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `Error: …` and, when there is one, `Hint: …`; with `debug` also the chain of causes. */
export function renderError(error: unknown, debug = false): string {
  const lines = [`Error: ${messageOf(error)}`];
  const hint = hintOf(error);
  if (hint) lines.push(`Hint: ${hint}`);
  if (debug) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      lines.push(cause === error ? (cause.stack ?? "") : `Caused by: ${cause.stack ?? cause.message}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The error with something said before its message; hint and cause stay. */
export function prefixed(prefix: string, error: unknown): CliError {
  return new CliError(`${prefix}: ${messageOf(error)}`, { hint: hintOf(error), cause: error });
}
