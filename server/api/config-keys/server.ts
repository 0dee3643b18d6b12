// The configuration keys of the server.
import { compression } from "./compression.ts";
import { timeSpan } from "./instance-values.ts";
import type { KeyTable } from "./key.ts";
import { listenAddress } from "./listen-address.ts";

export const serverKeys: KeyTable = {
  "core.https_address": { type: listenAddress, live: true, description: "Where the API is served over the network; port 8443 when none is told. Not at all when unset" },
  "core.remote_token_expiry": {
    type: { kind: "check", name: "span", check: timeSpan }, live: true, description: "How long a token for a new client can be used; for ever when unset",
  },
  "core.shutdown_timeout": { type: { kind: "int", min: 0 }, default: "5", live: true, description: "Minutes to wait for running operations when berthd stops" },
  "core.trust_password": {
    type: { kind: "text" }, live: true, secret: true, description: "A password by which clients make themselves trusted; shown as true when it is set",
  },
  "images.auto_update_cached": { type: { kind: "bool" }, default: "true", live: true, description: "Whether images fetched for a new instance are kept up to date" },
  "images.auto_update_interval": { type: { kind: "int", min: 0 }, default: "6", live: true, description: "Hours between two looks for newer images; 0: never" },
  "images.compression_algorithm": { type: { kind: "check", name: "compression", check: compression }, default: "gzip", live: true, description: "How published images are compressed: none, gzip, bzip2, xz, lzma, zstd or squashfs, with options such as -9" },
  "images.remote_cache_expiry": { type: { kind: "int", min: 0 }, default: "10", live: true, description: "Days after which an image fetched for an instance is deleted when no instance is made from it; 0: never" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
};
