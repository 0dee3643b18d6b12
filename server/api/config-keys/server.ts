// The configuration keys of the server.
import { timeSpan } from "./instance-values.ts";
import type { KeyTable } from "./key.ts";
import { listenAddress } from "./listen-address.ts";

export const serverKeys: KeyTable = {
  "backups.compression_algorithm": { type: { kind: "text" }, default: "gzip", live: true, description: "How backups are compressed: none, gzip, bzip2, xz, lzma or zstd, perhaps with a level (zstd -3)" },
  "core.https_address": { type: listenAddress, live: true, description: "Where the API is served over the network; port 8443 when none is told. Not at all when unset" },
  "core.remote_token_expiry": {
    type: { kind: "check", name: "span", check: timeSpan }, live: true, description: "How long a token for a new client can be used; for ever when unset",
  },
  "core.shutdown_timeout": { type: { kind: "int", min: 0 }, default: "5", live: true, description: "Minutes to wait for running operations when berthd stops" },
  "core.trust_password": {
    type: { kind: "text" }, live: true, secret: true, description: "A password by which clients make themselves trusted; shown as true when it is set",
  },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
};
