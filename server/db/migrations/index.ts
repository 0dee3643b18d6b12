// The migrations in their order. A released one is never edited: add the next number.
import { init } from "./001-init.ts";
import { snapshots } from "./002-snapshots.ts";
import { certificates } from "./003-certificates.ts";
import { imageSources } from "./004-image-sources.ts";
import { backups } from "./005-backups.ts";
import { warnings } from "./006-warnings.ts";
import { bearerTokens } from "./007-bearer-tokens.ts";

export const migrations: readonly string[] = [init, snapshots, certificates, imageSources, backups, warnings, bearerTokens];
