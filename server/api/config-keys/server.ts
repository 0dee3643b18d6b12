// The configuration keys of the server.
import type { KeyTable } from "./key.ts";

export const serverKeys: KeyTable = {
  "backups.compression_algorithm": { type: { kind: "text" }, default: "gzip", live: true, description: "How backups are compressed: none, gzip, bzip2, xz, lzma or zstd, perhaps with a level (zstd -3)" },
  "core.shutdown_timeout": { type: { kind: "int", min: 0 }, default: "5", live: true, description: "Minutes to wait for running operations when berthd stops" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
};
