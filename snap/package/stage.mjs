// The files of a package, laid out below a folder as they are to lie below /: programs, the Node that runs them, man pages, completion.
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNative } from "../build-native.mjs";
import { run, StepError } from "../setup/step.mjs";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const programs = ["berthd", "berth"];
/** The client that Node runs, where the native one is not taken. */
const nodeClient = ["berth", "berth-client.js", "berth-client.cache", "berth-sftp-client.js", "berth-tui.mjs"];

/** How many migrations there are: the version of the database that this Berth writes. */
export function schemaVersion() {
  return readdirSync(join(root, "server/db/migrations")).filter((name) => /^\d+-/.test(name)).length;
}

/** This Node, when it is one file that runs anywhere; undefined for a distribution's, which is spread over libraries of its own. */
async function portableNode() {
  const libraries = await run("ldd", [process.execPath]);
  return /libnode|libuv|libssl/.test(libraries) ? undefined : process.execPath;
}

function writeProgram(file, text, node) {
  const command = `#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS BERTH_CA=\${NODE_EXTRA_CA_CERTS}`;
  writeFileSync(file, text.replace(/^#!.* node( [^\n]*)?\n/, (line, flags = "") => `${line.startsWith(command) ? line.replace(/ node( [^\n]*)?\n$/, "") : command} ${node}${flags}\n`));
  chmodSync(file, 0o755);
}

/** What the build leaves in dist/ to be run, without packages. */
const isPart = (name) => ["node_modules", "recipes", "package.json"].includes(name) || (/^berth[a-z.-]*$/.test(name) && !/\.(deb|snap)$/.test(name));

/** Symbols are a fifth of Node, and nobody debugs it here. */
const strip = (file) => run("strip", ["--strip-unneeded", file]).catch(() => {});

/** The native client's file; undefined with `--client=node`. */
async function nativeClient(args) {
  if (args.includes("--client=node")) return undefined;
  try {
    return await buildNative();
  } catch (error) {
    throw new StepError(`the native client cannot be made: ${error.message}`, [error.todo, "or pack the client that Node runs, which starts more slowly: -- --client=node"].filter(Boolean).join("; "));
  }
}

/** Parts of native modules for systems that no package is for. */
const isElsewhere = (path) => /\/@koromix\/[^/]+\/(musl_|README)/.test(path);

/** Lays the tree out below `target`. `prefix`: where it will lie (`/usr`, or `/snap/berth/current`). Resolves to the Node it brings, if any. */
export async function stage(target, prefix, args = []) {
  const dist = join(root, "dist");
  if (!existsSync(join(dist, "berthd"))) throw new StepError("dist/berthd is missing", "npm run build");
  const client = await nativeClient(args);
  const lib = join(target, prefix, "lib/berth");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(lib, { recursive: true });
  const node = await portableNode();
  const command = node ? `${join("/", prefix, "lib/berth/node")}` : "node";
  if (node) {
    cpSync(node, join(lib, "node"));
    chmodSync(join(lib, "node"), 0o755);
    await strip(join(lib, "node"));
  }
  for (const name of readdirSync(dist).filter((name) => isPart(name) && !(client && nodeClient.includes(name)))) {
    const [from, to] = [join(dist, name), join(lib, name)];
    if (lstatSync(from).isFile() && readFileSync(from).subarray(0, 2).toString() === "#!") writeProgram(to, readFileSync(from, "utf8"), command);
    else cpSync(from, to, { recursive: true, filter: (path) => !isElsewhere(path) });
  }
  if (client) cpSync(client, join(lib, "berth"));
  mkdirSync(join(lib, "setup"));
  for (const name of ["subids.mjs", "step.mjs", "add-subids.mjs"]) cpSync(join(root, "snap/setup", name), join(lib, "setup", name));
  mkdirSync(join(target, prefix, "bin"), { recursive: true });
  for (const name of programs) symlinkSync(`../lib/berth/${name}`, join(target, prefix, "bin", name));
  await describeItself(join(target, prefix), client ? [join(lib, "berth")] : [process.execPath, join(lib, "berth")]);
  setModes(target);
  return node;
}

/** Man pages and completion, as the client writes them. */
async function describeItself(usr, [program, ...before]) {
  const man = join(usr, "share/man/man1");
  mkdirSync(man, { recursive: true });
  await run(program, [...before, "manpage", man]);
  for (const name of readdirSync(man)) await run("gzip", ["-9n", join(man, name)]);
  const shells = { bash: "share/bash-completion/completions/berth", zsh: "share/zsh/vendor-completions/_berth", fish: "share/fish/vendor_completions.d/berth.fish" };
  for (const [shell, file] of Object.entries(shells)) {
    mkdirSync(dirname(join(usr, file)), { recursive: true });
    writeFileSync(join(usr, file), await run(program, [...before, "completion", shell]));
  }
}

/** Whatever umask it was built under. */
function setModes(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const info = lstatSync(path);
    if (info.isSymbolicLink()) continue;
    chmodSync(path, info.isDirectory() || info.mode & 0o100 ? 0o755 : 0o644);
    if (info.isDirectory()) setModes(path);
  }
  chmodSync(folder, 0o755);
}

/** The version of the package: package.json's, unless `--version=` names another. */
export function packageVersion(args) {
  const given = args.find((arg) => arg.startsWith("--version="))?.slice("--version=".length);
  return given ?? JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

/** When the sources were last changed: the time of everything in a package, so that the same sources make the same package. */
export async function sourceTime() {
  const seconds = await run("git", ["-C", root, "log", "-1", "--format=%ct"]).catch(() => "");
  return seconds.trim() || String(Math.floor(lstatSync(join(root, "package.json")).mtimeMs / 1000));
}

