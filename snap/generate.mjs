// npm run generate: writes what is made from the contract into server/api/generated, and the reference of recipes. Needs tsx:
// node --import tsx.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { recipeReference } from "../images/build/reference.ts";
import { generatedFiles } from "../server/api/generated-files.ts";

const folder = fileURLToPath(new URL("../server/api/generated", import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(generatedFiles())) {
  writeFileSync(join(folder, name), text);
  console.log(`  ok  server/api/generated/${name}`);
}
const recipes = fileURLToPath(new URL("../images/recipes/reference.md", import.meta.url));
writeFileSync(recipes, recipeReference());
console.log("  ok  images/recipes/reference.md");
