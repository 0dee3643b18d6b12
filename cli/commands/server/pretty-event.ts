// Events as lxc's `monitor --pretty` writes them: Go's logrus text format.
import type { Event } from "../../../server/api/events.ts";

/** From the most to the least important. */
export const levels = ["panic", "fatal", "error", "warning", "info", "debug", "trace"];
const colors: Readonly<Record<string, number>> = { panic: 31, fatal: 31, error: 31, warning: 33, info: 36, debug: 37, trace: 37 };

function levelName(event: Event): string {
  if (event.type !== "logging") return "info";
  const level = String(event.metadata["level"]);
  return level === "dbug" ? "debug" : level === "warn" ? "warning" : level;
}

/** The place of an event's level in `levels`. */
export function levelOf(event: Event): number {
  return levels.indexOf(levelName(event));
}

interface LogRecord {
  message: string;
  fields: Record<string, string>;
}

/** A value as Go's %v prints it. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goFormat).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goFormat((value as Record<string, unknown>)[key])}`).join(" ")}]`;
}

const goTime = (time: unknown) => String(time).replace("T", " ").replace(/Z$/, " +0000 UTC");

function recordOf({ type, metadata }: Event): LogRecord {
  if (type === "logging") return { message: String(metadata["message"]), fields: formatAll(metadata["context"]) };
  if (type === "lifecycle") {
    const by = metadata["requestor"] as { protocol: string; username: string; address: string } | undefined;
    const requestor = by ? `, Requestor: ${by.protocol}/${by.username} (${by.address})` : "";
    return { message: `Action: ${metadata["action"]}, Source: ${metadata["source"]}${requestor}`, fields: formatAll(metadata["context"]) };
  }
  const { id, class: kind, description, created_at, updated_at, status, resources, metadata: inner, may_cancel, err, location } = metadata;
  return {
    message: `ID: ${id}, Class: ${kind}, Description: ${description}`,
    fields: formatAll({
      CreatedAt: goTime(created_at), UpdatedAt: goTime(updated_at), Status: status, StatusCode: status, Resources: resources ?? {},
      Metadata: inner ?? {}, MayCancel: may_cancel, Err: err, Location: location,
    }),
  };
}

function formatAll(context: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries((context ?? {}) as Record<string, unknown>).map(([key, value]) => [key, goFormat(value)]));
}

function quote(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : JSON.stringify(text).replace(/[\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
}

/** One line for an event, in colours for a terminal. */
export function renderPretty(event: Event, isTerminal: boolean): string {
  const level = levelName(event);
  const { message, fields } = recordOf(event);
  const keys = Object.keys(fields).sort();
  const time = event.timestamp.replace(/\.\d+/, "");
  if (!isTerminal) {
    const rest = keys.map((key) => ` ${key}=${quote(fields[key] ?? "")}`).join("");
    return `time=${quote(time)} level=${level} msg=${quote(message)}${rest}\n`;
  }
  const paint = (text: string) => `\x1b[${colors[level] ?? 36}m${text}\x1b[0m`;
  const rest = keys.map((key) => ` ${paint(key)}=${quote(fields[key] ?? "")}`).join("");
  return `${paint(level.toUpperCase().padEnd(7))}[${time}] ${stripControls(message).padEnd(44)} ${rest}\n`;
}

const stripControls = (text: string) => text.replace(/[\0-\x1f\x7f]/g, " ");
