// What is wrong with a template, and in which line.
import { type BerthError, fail } from "../../server/api/errors.ts";

export function templateError(line: number, reason: string): BerthError {
  return fail("image_broken", { reason: `template, line ${line}: ${reason}` });
}
