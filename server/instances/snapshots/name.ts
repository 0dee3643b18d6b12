// Names of snapshots: what they may be, and those that the pattern gives.
import { fail, isCode } from "../../api/errors.ts";
import { renderText } from "../../../images/templates/render.ts";

/** Throws `invalid_name` unless it can be a part of a URL. */
export function checkSnapshotName(name: string, what = "snapshot"): void {
  const reason = nameFault(name);
  if (reason) throw fail("invalid_name", { what, name: name.slice(0, 80), reason });
}

function nameFault(name: string): string | undefined {
  if (name.length < 1 || Buffer.byteLength(name) > 255) return "it must be 1 to 255 characters long";
  const bad = /[/?&+]/.exec(name)?.[0];
  if (bad) return `it cannot contain "${bad}"`;
  if (/[\s\0-\x1f\x7f]/.test(name)) return "it cannot contain spaces or control characters";
  return name === "." || name === ".." ? "it is no name in a URL" : undefined;
}

const defaultPattern = "snap%d";

/** The name that a pattern (`snapshots.pattern`) gives the next snapshot. Throws `invalid_config_value` or `invalid_name`. */
export function nextSnapshotName(pattern: string | undefined, taken: readonly string[], now = new Date()): string {
  const text = render(pattern || defaultPattern, now);
  const [before = "", after, ...more] = text.split("%d");
  if (more.length > 0) throw fail("invalid_config_value", { key: "snapshots.pattern", reason: "it may contain %d only once" });
  const name = after !== undefined ? numbered(before, after, taken) : taken.includes(text) ? numbered(`${text}-`, "", taken) : text;
  checkSnapshotName(name);
  return name;
}

function render(pattern: string, now: Date): string {
  if (!/[{]/.test(pattern)) return pattern;
  try {
    return renderText(pattern, { creation_date: now });
  } catch (error) {
    if (isCode(error, "image_broken")) throw fail("invalid_config_value", { key: "snapshots.pattern", reason: error.message }, error);
    throw error;
  }
}

/** The number after the highest that there is. */
function numbered(before: string, after: string, taken: readonly string[]): string {
  const numbers = taken.flatMap((name) => {
    const middle = name.startsWith(before) && name.endsWith(after) ? name.slice(before.length, name.length - after.length) : "";
    return /^\d{1,9}$/.test(middle) ? [Number(middle)] : [];
  });
  return `${before}${Math.max(-1, ...numbers) + 1}${after}`;
}
