// npm run build:native: the client as one program that needs no Node and starts in a third of the time: dist/native/berth, made by
// Bun. `npm run build:native -- bun-darwin-arm64` makes that of another system (bun-linux-arm64, bun-windows-x64, …).
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadLazily, nativeBundle, sftpClientBundle, tuiBundle } from "./build/bundles.mjs";
import { run, StepError, script, step } from "./setup/step.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist/native");
const bunVersion = "1.4.5";

/** Nothing is read from the folder where the program is started, and short commands are over before compiling pays. */
const settings = ["dotenv", "bunfig", "tsconfig", "package-json"].map((name) => `--no-compile-autoload-${name}`).concat("--compile-jit-policy=10");

/** Bun for a system, from npm, which is fetched once. */
async function fetchBun(system, machine) {
  const name = `@oven/bun-${system}-${machine.replace("arm64", "aarch64")}`;
  const folder = join(root, "node_modules/.berth-bun", `${system}-${machine}`);
  const program = join(folder, "node_modules", name, "bin", system === "windows" ? "bun.exe" : "bun");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    // By force: it may be for another system than this.
    await run("npm", ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--force", "--prefix", folder, `${name}@${bunVersion}`], {
      todo: "install Bun yourself, and name it: BUN=/path/to/bun npm run build:native",
    });
  }
  return program;
}

/** Bun of this machine: the one that BUN names, or npm's of the version that is known to work. */
const ownBun = () => process.env.BUN || fetchBun(platform(), arch());

/** Resolves to what makes the program for a target: its own Bun, into which the client is put. */
async function forTarget(target) {
  if (target === "") return [];
  const [, system, machine] = /^bun-(linux|darwin|windows)-((?:x64|arm64)\S*)$/.exec(target) ?? [];
  return [`--target=${target}`, `--compile-executable-path=${await fetchBun(system, machine)}`];
}

async function compile(target) {
  const [bun, ofTarget] = [await ownBun(), await forTarget(target)];
  const { build } = createRequire(import.meta.url)("esbuild");
  const work = join(out, `parts${target}`);
  mkdirSync(work, { recursive: true });
  const tui = new Set();
  await write(build, nativeBundle(root, tui), work, loadLazily);
  await write(build, sftpClientBundle(root), work);
  for (const entry of tui) await write(build, tuiBundle(root, entry), work);
  const program = join(out, target.includes("windows") ? "berth.exe" : target === "" ? "berth" : `berth-${target.replace(/^bun-/, "")}`);
  const externals = ["bufferutil", "utf-8-validate", "cpu-features"].flatMap((name) => ["--external", name]);
  const part = `${program}.${process.pid}${target.includes("windows") ? ".exe" : ""}`;
  await run(bun, ["build", "--compile", "--minify", "--bytecode", "--format=esm", "--splitting", ...settings, ...ofTarget, ...externals, join(work, "berth-client.js"), "--outfile", part], {
    todo: `Bun ${bunVersion} is known to do this; what BUN names may be older`,
  });
  renameSync(part, program);
  rmSync(work, { recursive: true });
  return program.replace(root, "");
}

async function write(build, options, folder, finish = (text) => text) {
  const { outputFiles } = await build(options);
  for (const file of outputFiles) writeFileSync(join(folder, basename(file.path)), finish(file.text));
}

await script("build:native", async () => {
  const [target = ""] = process.argv.slice(2);
  if (!/^(bun-(linux|darwin|windows)-(x64|arm64)(-[a-z-]+)?)?$/.test(target)) throw new StepError(`"${target}" is no target of Bun's`, "write it as bun-linux-arm64, bun-darwin-arm64, bun-windows-x64, …");
  await step("dist/native", () => compile(target));
});
