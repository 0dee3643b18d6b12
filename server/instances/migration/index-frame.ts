// What is told of an instance before its files: the source sends a JSON text, the sink answers with one.
import { fail } from "../../api/errors.ts";

/** Throws `migration_failed` unless the sink wants the files. */
export function goodIndex(text: string): void {
  const { StatusCode: status, Error: reason } = parse(text) as { StatusCode?: number; Error?: string };
  if (status !== 200) throw fail("migration_failed", { reason: String(reason || `the other server answered ${status}`).slice(0, 500) });
}

export const goodAnswer = (refresh: boolean) => Buffer.from(JSON.stringify({ StatusCode: 200, Error: "", Refresh: refresh }));

/** When each snapshot was taken, more exactly than the header tells; nothing of it is needed. */
export function snapshotTimes(text: string): ReadonlyMap<string, Date> {
  const { config } = parse(text) as { config?: { Snapshots?: unknown } };
  const snapshots = Array.isArray(config?.Snapshots) ? (config.Snapshots as { name?: unknown; created_at?: unknown }[]) : [];
  return new Map(snapshots.flatMap((one) => {
    const date = new Date(String(one?.created_at));
    return typeof one?.name === "string" && !Number.isNaN(date.getTime()) ? [[one.name, date] as const] : [];
  }));
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  throw fail("migration_failed", { reason: "the other server sent something else than JSON about the instance" });
}
