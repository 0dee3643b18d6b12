// What a template may use up, so that none can hold up or fill the daemon.
import { templateError } from "./errors.ts";

/** Characters of a template's text, and of anything it makes. */
export const sourceLimit = 1024 * 1024;
export const textLimit = 4 * 1024 * 1024;
export const nestingLimit = 50;
const stepLimit = 100_000;

export class Budget {
  private steps = 0;

  /** Counts one step, and one more for each KiB of text it goes through. */
  charge(line: number, characters = 0): void {
    this.steps += 1 + (characters >> 10);
    if (this.steps > stepLimit) throw templateError(line, `it takes more than ${stepLimit} steps`);
  }

  /** Refuses text that would get too long, before it is made. */
  assertLength(line: number, characters: number): void {
    if (characters > textLimit) throw templateError(line, `it makes more than ${textLimit} characters`);
  }
}
