// Structured logs: one JSON line each on standard error, and to whoever follows the events. Lines that are written while a
// request or an operation is worked on bear its id.
import { AsyncLocalStorage } from "node:async_hooks";

export type Level = "debug" | "info" | "warn" | "error";
export type LogContext = Readonly<Record<string, string | number | boolean | undefined>>;
export type LogListener = (level: Level, message: string, context: LogContext) => void;

const order: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const listeners = new Set<LogListener>();
const scope = new AsyncLocalStorage<LogContext | undefined>();
let threshold: Level = "info";

/** Lines below this level are not written; listeners get all of them. */
export function setLogLevel(level: Level): void {
  threshold = level;
}

/** Calls back for every line; the result ends it. */
export function onLog(listener: LogListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Runs `work`, whose lines get this context besides that of what it is a part of. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return scope.run({ ...scope.getStore(), ...context }, work);
}

/** Runs what no request or operation is answerable for, whoever has brought it about. */
export function withoutLogContext<T>(work: () => T): T {
  return scope.run(undefined, work);
}

function write(level: Level, message: string, given: LogContext): void {
  const written = order[level] >= order[threshold];
  if (!written && listeners.size === 0) return;
  const context = { ...given, ...scope.getStore() };
  for (const listener of listeners) listener(level, message, context);
  if (written) process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...context })}\n`);
}

export const log = {
  debug: (message: string, context: LogContext = {}) => write("debug", message, context),
  info: (message: string, context: LogContext = {}) => write("info", message, context),
  warn: (message: string, context: LogContext = {}) => write("warn", message, context),
  error: (message: string, context: LogContext = {}) => write("error", message, context),
};

/** The message of whatever was thrown, with the chain of its causes. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && parts.length < 6; at = (at as { cause?: unknown }).cause) {
    parts.push(at instanceof Error ? at.message : String(at));
  }
  return parts.join(": ");
}
