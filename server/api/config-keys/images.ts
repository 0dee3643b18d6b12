// The configuration keys about images, which the server has and each project may have for itself.
import { compression } from "./compression.ts";
import type { Key, KeyTable } from "./key.ts";

/** As the kernel names them, and Debian. */
const architectures = ["x86_64", "i686", "aarch64", "armv7l", "armv6l", "ppc64le", "ppc64", "ppc", "s390x", "riscv64", "riscv32", "armv8l", "loongarch64", "mips", "mips64", "amd64", "i386", "arm64", "armhf", "armel", "ppc64el"];

export const imageKeys = {
  "images.auto_update_cached": { type: { kind: "bool" }, default: "true", live: true, description: "Whether images fetched for a new instance are kept up to date" },
  "images.auto_update_interval": { type: { kind: "int", min: 0 }, default: "6", live: true, description: "Hours between two looks for newer images; 0: never" },
  "images.compression_algorithm": {
    type: { kind: "check", name: "compression", check: compression }, default: "gzip", live: true,
    description: "How published images are compressed: none, gzip, bzip2, xz, lzma, zstd or squashfs, with options such as -9",
  },
  "images.default_architecture": {
    type: { kind: "enum", values: architectures }, live: true,
    description: "Which of the architectures that this machine runs is taken when an image server has several under one name; the machine's own when unset",
  },
  "images.remote_cache_expiry": {
    type: { kind: "int", min: 0 }, default: "10", live: true, description: "Days after which an image fetched for an instance is deleted when no instance is made from it; 0: never",
  },
} as const satisfies KeyTable;

/** Of a project: what is not set is as the server has it. */
export const projectImageKeys: KeyTable = Object.fromEntries(
  Object.entries<Key>(imageKeys).map(([name, { default: _, ...key }]) => [name, { ...key, description: `${key.description}. As the server has it when unset` }]),
);
