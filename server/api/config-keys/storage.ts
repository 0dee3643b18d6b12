// The configuration keys of storage pools.
import type { KeyTable } from "./key.ts";

export const storageKeys: KeyTable = {
  "berth.copy_on_write": { type: { kind: "bool" }, default: "true", description: "Layer instances over their image where the file system can; false copies every file" },
  source: { type: { kind: "string" }, description: "Where its files lie" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
  "volatile.*": { type: { kind: "text" }, readonly: true, description: "What Berth found out about it" },
};
