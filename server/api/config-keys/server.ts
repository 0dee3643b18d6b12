// The configuration keys of the server.
import type { KeyTable } from "./key.ts";

export const serverKeys: KeyTable = {
  "core.shutdown_timeout": { type: { kind: "int", min: 0 }, default: "5", live: true, description: "Minutes to wait for running operations when berthd stops" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
};
