// The configuration keys of storage pools.
import type { KeyTable } from "./key.ts";

const rate = {
  kind: "check", name: "rate", check: (value: string) => (/^\d{1,9}(\.\d{1,3})?([KMGT](i?B)?|B)?$/i.test(value) ? undefined : "expected a rate per second such as 10MiB, or 0 for none"),
} as const;

export const storageKeys: KeyTable = {
  "berth.copy_on_write": { type: { kind: "bool" }, default: "true", description: "Layer instances over their image where the file system can; false copies every file" },
  "rsync.bwlimit": { type: rate, default: "0", live: true, description: "Most that a move or a copy to another server sends in a second; a bare number counts KiB" },
  "rsync.compression": {
    type: { kind: "bool" }, live: true,
    description: "Whether files are compressed on their way between servers, for slow networks. When unset: not as a source, and as the target if another Berth asks for it",
  },
  size: { type: { kind: "size" }, description: "btrfs: of the file that holds it; a fifth of what is free when absent, 5 to 30 GiB" },
  source: { type: { kind: "string" }, description: "Where its files lie. btrfs: a folder on one, a disk to make one on, or nothing for a file of Berth's" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
  "volatile.*": { type: { kind: "text" }, readonly: true, description: "What Berth found out about it" },
};
