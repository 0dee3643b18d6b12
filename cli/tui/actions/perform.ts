// Does an action to some things and waits for its end.
import { assertSucceeded, type Client } from "../../../server/api/client.ts";
import type { Operation } from "../../../server/api/operations.ts";
import { hintOf, messageOf } from "../../errors.ts";
import { waitForEnd } from "../../operation.ts";
import type { Message, Row } from "../state/model.ts";
import type { Action } from "../views/view.ts";

/** At once, at the most. */
const together = 8;

function isOperation(result: unknown): result is Operation {
  return typeof result === "object" && result !== null && "class" in result && "may_cancel" in result;
}

async function performOne(client: Client, action: Action, row: Row, input: string): Promise<void> {
  const result = await action.run(client, row, input);
  if (isOperation(result)) assertSucceeded(await waitForEnd(client, result.id));
}

/** Never throws: says how it went. */
export async function perform(client: Client, action: Action, rows: readonly Row[], input: string): Promise<Message> {
  const failures: { row: Row; error: unknown }[] = [];
  const queue = [...rows];
  const work = async () => {
    for (let row = queue.shift(); row; row = queue.shift()) {
      await performOne(client, action, row, input).catch((error: unknown) => failures.push({ row: row as Row, error }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, rows.length) }, work));
  const [first] = failures;
  if (!first) return { kind: "info", text: `${action.does}: ${describe(rows)}: done` };
  const others = failures.length > 1 ? ` (and ${failures.length - 1} more)` : "";
  return { kind: "error", text: `${action.does}: ${first.row.name}: ${messageOf(first.error)}${others}`, hint: hintOf(first.error) };
}

export function describe(rows: readonly Row[]): string {
  return rows.length === 1 ? (rows[0]?.name ?? "") : `${rows.length} of them`;
}

/** The equal command line, as it would be typed. */
export function commandLine(remote: string, words: readonly string[]): string {
  const quoted = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return `berth ${quoted.join(" ")}${remote === "local" ? "" : `   (of the remote ${remote})`}`;
}
