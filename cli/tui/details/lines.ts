// Pieces of detail pages.
import type { TransportResponse } from "../../../server/api/client.ts";
import { isCode } from "../../../server/api/errors.ts";

export function pair(name: string, value: string): string {
  return `${name.padEnd(18)} ${value}`;
}

export function pairs(map: Readonly<Record<string, string>>): string[] {
  return Object.entries(map).sort().map(([key, value]) => pair(`  ${key}`, value.replaceAll("\n", "⏎")));
}

export function section(title: string): string[] {
  return ["", title];
}

/** How much of a log is shown: its end. */
const shown = 64 * 1024;

/** The last lines of a file that the server keeps; one that is not there yet has none. */
export async function readText(asked: Promise<TransportResponse>): Promise<string[]> {
  try {
    const text = await (await asked).text();
    return text.slice(-shown).trimEnd().split("\n").map((line) => line.replace(/\r$/, ""));
  } catch (error) {
    if (isCode(error, "log_not_found")) return ["Nothing has been written yet."];
    throw error;
  }
}
