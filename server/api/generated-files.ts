// The files that are made from the contract, as text.
import { endpoints } from "./index.ts";
import { openApi } from "./openapi.ts";
import { Operation } from "./operations.ts";
import { referencePage } from "./reference.ts";
import { compatibleVersion } from "./server.ts";

/** Name below server/api/generated → content. */
export function generatedFiles(): Record<string, string> {
  return {
    "openapi.json": `${JSON.stringify(openApi(endpoints, Operation, compatibleVersion), null, 1)}\n`,
    "reference.md": referencePage(endpoints),
  };
}
