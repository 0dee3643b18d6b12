// The migrations in their order. A released one is never edited: add the next number.
import { init } from "./001-init.ts";

export const migrations: readonly string[] = [init];
