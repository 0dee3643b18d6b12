// npm run build:native: the client as one program that needs no Node and starts in a third of the time: dist/native/berth, made by
// Bun. `npm run build:native -- bun-darwin-arm64` makes that of another system (bun-linux-arm64, bun-windows-x64, …).
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadLazily, nativeBundle, sftpClientBundle, tuiBundle } from "./build/bundles.mjs";
import { run, StepError, script, step } from "./setup/step.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist/native");
const bunVersion = "1.4.5";

/** Bun: the one that BUN names, or npm's of the version that is known to work, which is fetched once. */
async function findBun() {
  if (process.env.BUN) return process.env.BUN;
  const name = `@oven/bun-${platform()}-${arch() === "arm64" ? "aarch64" : arch()}`;
  const folder = join(root, "node_modules/.berth-bun");
  const program = join(folder, "node_modules", name, "bin/bun");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    await run("npm", ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", folder, `${name}@${bunVersion}`], {
      todo: "install Bun yourself, and name it: BUN=/path/to/bun npm run build:native",
    });
  }
  return program;
}

async function compile(target) {
  const bun = await findBun();
  const { build } = createRequire(import.meta.url)("esbuild");
  const work = join(out, "parts");
  mkdirSync(work, { recursive: true });
  const tui = new Set();
  await write(build, nativeBundle(root, tui), work, loadLazily);
  await write(build, sftpClientBundle(root), work);
  for (const entry of tui) await write(build, tuiBundle(root, entry), work);
  const program = join(out, target.includes("windows") ? "berth.exe" : target === "" ? "berth" : `berth-${target.replace(/^bun-/, "")}`);
  const externals = ["bufferutil", "utf-8-validate", "cpu-features"].flatMap((name) => ["--external", name]);
  await run(bun, [
    "build", "--compile", "--minify", "--bytecode", "--format=esm", ...(target === "" ? [] : [`--target=${target}`]), ...externals,
    join(work, "berth-client.js"), "--outfile", program,
  ], { todo: "is the version of Bun 1.4 or later?" });
  rmSync(work, { recursive: true });
  return program.replace(root, "");
}

async function write(build, options, folder, finish = (text) => text) {
  const { outputFiles } = await build(options);
  for (const file of outputFiles) writeFileSync(join(folder, basename(file.path)), finish(file.text));
}

await script("build:native", async () => {
  const [target = ""] = process.argv.slice(2);
  if (!/^(bun-[a-z0-9-]+)?$/.test(target)) throw new StepError(`"${target}" is no target of Bun's`, "write it as bun-linux-arm64, bun-darwin-arm64, bun-windows-x64, …");
  await step("dist/native", () => compile(target));
});
