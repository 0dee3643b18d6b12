// npm run build:native: the client as one program that needs no Node and starts in a third of the time: dist/native/berth, made by
// Bun. `npm run build:native -- bun-darwin-arm64` makes that of another system (bun-linux-arm64, bun-windows-x64, …).
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { loadLazily, nativeBundle, nativeSftpBundle, nativeTuiBundle } from "./build/bundles.mjs";
import { isFresh, rememberInputs } from "./build/fresh.mjs";
import { run, StepError, script, step } from "./setup/step.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "dist/native");
const bunVersion = "1.4.5";
const ownFiles = ["snap/build-native.mjs", "snap/build/bundles.mjs", "snap/build/tables.mjs", "snap/build/later.mjs", "snap/build/typebox-stub.mjs", "snap/build/yoga-later.mjs", "package.json", "package-lock.json"];

/** Nothing is read from the folder where the program is started, and short commands are over before compiling pays. */
const settings = ["dotenv", "bunfig", "tsconfig", "package-json"].map((name) => `--no-compile-autoload-${name}`).concat("--compile-jit-policy=10");

/** Bun for a system, from npm, which is fetched once. */
async function fetchBun(system, machine) {
  const name = `@oven/bun-${system}-${machine.replace("arm64", "aarch64")}`;
  const folder = join(root, "node_modules/.berth-bun", `${system}-${machine}`);
  const program = join(folder, "node_modules", name, "bin", system === "windows" ? "bun.exe" : "bun");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    // Tests, as the client, have the certificates' name in BERTH_CA.
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? process.env.BERTH_CA };
    // By force: it may be for another system than this.
    await run("npm", ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--force", "--prefix", folder, `${name}@${bunVersion}`], {
      todo: "install Bun yourself, and name it: BUN=/path/to/bun npm run build:native", env,
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

/** What is compiled is the same for the same sources: every name that Bun keeps in it is, too. The folder is this process's own. */
async function compile(target, program) {
  const [bun, ofTarget] = [await ownBun(), await forTarget(target)];
  const { build } = createRequire(import.meta.url)("esbuild");
  const work = join(out, `parts.${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const [tui, inputs] = [new Set(), new Set()];
    const write = async (options, finish = (text) => text) => {
      const { outputFiles, metafile } = await build(options);
      for (const file of outputFiles) writeFileSync(join(work, basename(file.path)), finish(file.text));
      for (const file of Object.keys(metafile.inputs)) inputs.add(file);
    };
    await write(nativeBundle(root, tui, inputs), loadLazily);
    await write(nativeSftpBundle(root));
    for (const entry of tui) await write(nativeTuiBundle(root, entry));
    const externals = ["bufferutil", "utf-8-validate", "cpu-features"].flatMap((name) => ["--external", name]);
    await run(bun, ["build", "--compile", "--minify", "--bytecode", "--format=esm", "--splitting", ...settings, ...ofTarget, ...externals, "berth-client.js", "--outfile", basename(program)], {
      cwd: work, todo: `Bun ${bunVersion} is known to do this; what BUN names may be older`,
    });
    renameSync(join(work, basename(program)), program);
    return [...inputs].filter((file) => !/[:<]/.test(file) && file !== "native-tui");
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Makes the program of a system, or of this one; resolves to its file. Builds only what changed, or with a Bun that BUN names. */
export async function buildNative(target = "") {
  const program = join(out, target.includes("windows") ? "berth.exe" : target === "" ? "berth" : `berth-${target.replace(/^bun-/, "")}`);
  const file = relative(root, program);
  if (!process.env.BUN && isFresh(root, file, [file])) return program;
  rememberInputs(root, file, [...(await compile(target, program)), ...ownFiles]);
  return program;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await script("build:native", async () => {
    const [target = ""] = process.argv.slice(2);
    if (!/^(bun-(linux|darwin|windows)-(x64|arm64)(-[a-z-]+)?)?$/.test(target)) throw new StepError(`"${target}" is no target of Bun's`, "write it as bun-linux-arm64, bun-darwin-arm64, bun-windows-x64, …");
    await step("dist/native", async () => relative(root, await buildNative(target)));
  });
}
