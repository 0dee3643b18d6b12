// The configuration keys of storage pools.
import type { KeyTable } from "./key.ts";

export const storageKeys: KeyTable = {
  "berth.copy_on_write": { type: { kind: "bool" }, default: "true", description: "Layer instances over their image where the file system can; false copies every file" },
  size: { type: { kind: "size" }, description: "btrfs: of the file that holds it; a fifth of what is free when absent, 5 to 30 GiB" },
  source: { type: { kind: "string" }, description: "Where its files lie. btrfs: a folder on one, a disk to make one on, or nothing for a file of Berth's" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
  "volatile.*": { type: { kind: "text" }, readonly: true, description: "What Berth found out about it" },
};
