// Which instance an operation has made.
import type { Operation } from "../../../server/api/operations.ts";
import { CliError } from "../../errors.ts";

/** Its name. Throws when the operation names none. */
export function madeInstance(operation: Operation): string {
  const made = (operation.resources?.["instances"] ?? operation.resources?.["containers"])?.[0];
  if (made === undefined) throw new CliError("Failed to get the new instance name");
  return decodeURIComponent(made.replace(/\?.*/, "").split("/").at(-1) ?? "");
}
