// npm run generate: writes what is made from the contract into server/api/generated. Needs tsx: node --import tsx.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatedFiles } from "../server/api/generated-files.ts";

const folder = fileURLToPath(new URL("../server/api/generated", import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(generatedFiles())) {
  writeFileSync(join(folder, name), text);
  console.log(`  ok  server/api/generated/${name}`);
}
