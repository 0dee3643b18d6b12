// The migrations in their order. A released one is never edited: add the next number.
import { init } from "./001-init.ts";
import { snapshots } from "./002-snapshots.ts";
import { certificates } from "./003-certificates.ts";
import { imageSources } from "./005-image-sources.ts";
import { backups } from "./006-backups.ts";
import { warnings } from "./007-warnings.ts";
import { bearerTokens } from "./008-bearer-tokens.ts";

export const migrations: readonly string[] = [init, snapshots, certificates, imageSources, backups, warnings, bearerTokens];
