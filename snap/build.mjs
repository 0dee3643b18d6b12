// npm run build: bundles server/main.ts into dist/berthd (with its helpers), cli/main.ts into dist/berth and images/main.ts
// into dist/berth-images. Builds only what changed.
// `npm run build -- berthd` builds one of them.
import { chmodSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { clientBundle, daemonBundle, finishClient, forwarderBundle, guestMountsBundle, imagesBundle, launcher, sftpBundle, sftpClientBundle, tuiBundle } from "./build/bundles.mjs";
import { isFresh, rememberInputs } from "./build/fresh.mjs";
import { copyNatives, nativeFiles } from "./build/natives.mjs";
import { run, StepError, script, step } from "./setup/step.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const ownFiles = [
  "snap/build.mjs", "snap/build/bundles.mjs", "snap/build/natives.mjs", "snap/build/typebox-stub.mjs", "snap/build/tables.mjs", "snap/build/later.mjs", "snap/build/launch.cjs", "snap/build/code-cache.mjs", "package.json",
  "package-lock.json",
];

/** Loaded from here, not imported at the top: set-up must be able to say what to do when it is missing. */
function esbuild() {
  try {
    return createRequire(import.meta.url)("esbuild");
  } catch (cause) {
    throw new StepError(`esbuild cannot be loaded: ${cause.message.split("\n")[0]}`, "npm run setup");
  }
}

/** Bundles and writes each file by renaming it into place: a program that starts meanwhile sees the old one or the new one. */
async function bundle(options, finish) {
  const entry = options.entryPoints[0];
  if (!existsSync(resolve(root, entry))) throw new StepError(`${entry} does not exist`, "check out the whole project");
  const { build, formatMessages } = esbuild();
  let result;
  try {
    result = await build(options);
  } catch (error) {
    if (!error.errors) throw error;
    throw new StepError((await formatMessages(error.errors.slice(0, 8), { kind: "error", color: false })).join("").trim());
  }
  for (const file of result.outputFiles) writeProgram(file.path, finish === undefined ? file.contents : finish(file.text));
  const size = result.outputFiles.reduce((sum, file) => sum + file.contents.length, 0);
  return { inputs: Object.keys(result.metafile.inputs), size };
}

function writeProgram(path, contents) {
  const part = `${path}.${process.pid}`;
  writeFileSync(part, contents);
  chmodSync(part, 0o755);
  renameSync(part, path);
}

const kib = (size) => `${Math.round(size / 1024)} KiB`;

async function buildDaemon() {
  if (isFresh(root, "berthd", ["dist/berthd", "dist/berth-forwarder", "dist/berth-guest-mounts", "dist/node_modules/koffi"])) return "unchanged";
  const daemon = await bundle(daemonBundle(root));
  const forwarder = await bundle(forwarderBundle(root));
  const guestMounts = await bundle(guestMountsBundle(root));
  copyNatives(root);
  rememberInputs(root, "berthd", [...daemon.inputs, ...forwarder.inputs, ...guestMounts.inputs, ...nativeFiles, ...ownFiles]);
  return `${kib(daemon.size)} and ${kib(forwarder.size)} for the forwarder of proxy devices`;
}

async function buildSftp() {
  if (isFresh(root, "berth-sftp", ["dist/berth-sftp"])) return "unchanged";
  const { inputs, size } = await bundle(sftpBundle(root));
  rememberInputs(root, "berth-sftp", [...inputs, ...ownFiles]);
  return kib(size);
}

/** Its recipes lie beside it, so that `berth image build debian/12` finds them wherever dist is. */
async function buildImages() {
  const recipes = join(root, "dist/recipes");
  rmSync(recipes, { recursive: true, force: true });
  cpSync(join(root, "images/recipes"), recipes, { recursive: true });
  if (isFresh(root, "berth-images", ["dist/berth-images", "dist/node_modules/koffi"])) return "unchanged";
  const { inputs, size } = await bundle(imagesBundle(root));
  copyNatives(root);
  rememberInputs(root, "berth-images", [...inputs, ...nativeFiles, ...ownFiles]);
  return kib(size);
}

async function buildClient() {
  if (isFresh(root, "berth", ["dist/berth", "dist/berth-client.js", "dist/berth-client.cache", "dist/berth-sftp-client.js"])) return "unchanged";
  const [tui, tables] = [new Set(), new Set()];
  const { inputs, size } = await bundle(clientBundle(root, tui, tables), finishClient);
  const files = await bundle(sftpClientBundle(root));
  const all = [...inputs, ...tables, ...files.inputs];
  const sizes = [kib(size), `and ${kib(files.size)} for SFTP`];
  if (tui.size > 1) throw new StepError("the client loads more than one module of cli/tui", "load the full-screen view through one import()");
  for (const entry of tui) {
    const view = await bundle(tuiBundle(root, relative(root, entry)));
    all.push(...view.inputs);
    sizes.push(`and ${kib(view.size)} for the full-screen view`);
  }
  rmSync(join(root, "dist/berth-client.cache"), { force: true });
  await run(process.execPath, [join(root, "snap/build/code-cache.mjs"), join(root, "dist")]);
  writeProgram(join(root, "dist/berth"), launcher());
  rememberInputs(root, "berth", [...all.filter((file) => !file.includes(":")), ...ownFiles]);
  return sizes.join(" ");
}

export async function build(names = []) {
  const wanted = (name) => names.length === 0 || names.includes(name);
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/package.json"), '{"type":"commonjs"}\n');
  if (wanted("berthd")) await step("dist/berthd", buildDaemon);
  if (wanted("berthd")) await step("dist/berth-sftp", buildSftp);
  if (wanted("berth")) await step("dist/berth", buildClient);
  if (wanted("berth")) await step("dist/berth-images", buildImages);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await script("build", () => build(process.argv.slice(2)));
}
