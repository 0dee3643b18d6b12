#!/usr/bin/env node
// Makes the Debian image with cloud-init: node images/recipes/debian-cloud.mjs FOLDER. Root needed; reads Debian's archive only.
// Writes what debian.mjs does, with templates for cloud-init's seed, and FOLDER/metadata-bare.tar.xz without them: cloud-init
// then asks /dev/lxd.
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cloudTemplates } from "./cloud-templates.mjs";
import { nameTemplates, packTar, tool, withTemporary, writeMetadata } from "./lib.mjs";

const suite = "bookworm";

function buildCloud(folder) {
  tool(process.execPath, [fileURLToPath(new URL("debian.mjs", import.meta.url)), folder, suite, "cloud-init"]);
  const created = Math.floor(Date.now() / 1000);
  const properties = { os: "Debian", release: suite, variant: "cloud", description: `Debian (${suite}) with cloud-init` };
  for (const [name, templates] of Object.entries({ "metadata-bare.tar.xz": {}, "metadata.tar.xz": cloudTemplates })) {
    withTemporary(folder, (work) => {
      writeMetadata(work, { created, properties, templates: { ...nameTemplates, ...templates } });
      packTar(join(folder, name), work, ["metadata.yaml", "templates"], created);
    });
  }
}

const [folder] = process.argv.slice(2);
try {
  if (!folder) throw new Error("usage: node images/recipes/debian-cloud.mjs FOLDER");
  buildCloud(resolve(folder));
} catch (error) {
  console.error(`cloud image: ${error.message}`);
  process.exitCode = 1;
}
