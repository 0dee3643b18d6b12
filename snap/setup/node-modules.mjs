// node_modules: installed as the lock file says, and better-sqlite3 with a native build that loads.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { install, missing, section } from "./packages.mjs";
import { run, StepError } from "./step.mjs";

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Why node_modules has to be installed again; undefined when it is as the lock file says. */
export function staleness(root) {
  const lockFile = join(root, "package-lock.json");
  const installedFile = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installedFile)) return "node_modules is missing";
  if (!existsSync(lockFile)) return undefined;
  const lock = readJson(lockFile).packages;
  const installed = readJson(installedFile).packages;
  for (const [path, entry] of Object.entries(lock)) {
    if (path === "") continue;
    const have = installed[path]?.version;
    if (have === undefined && entry.optional) continue; // built for another machine
    if (have !== entry.version) return `${path.replace(/^.*node_modules\//, "")} is ${have ?? "missing"}, not ${entry.version}`;
  }
  const wanted = readJson(join(root, "package.json"));
  for (const name of Object.keys({ ...wanted.dependencies, ...wanted.devDependencies })) {
    if (!lock[`node_modules/${name}`]) return `${name} is not in package-lock.json`;
  }
  return undefined;
}

/** npm's own environment: nothing of the npm that runs this script, and where node-gyp finds Node's headers. */
function npmEnv() {
  const env = { ...process.env, npm_config_fund: "false", npm_config_audit: "false", npm_config_update_notifier: "false" };
  for (const key of ["npm_config_local_prefix", "npm_config_prefix", "npm_package_json", "npm_lifecycle_event"]) delete env[key];
  const headers = headersFolder();
  if (headers && !env.npm_config_nodedir) env.npm_config_nodedir = headers;
  return env;
}

/** The folder that node-gyp calls nodedir: a Node with its headers beside it, or where Debian puts them. */
function headersFolder() {
  const prefix = dirname(dirname(process.execPath));
  const candidates = [[prefix, "include/node/common.gypi"], ["/usr/include/nodejs", "common.gypi"]];
  return candidates.find(([folder, file]) => existsSync(join(folder, file)))?.[0];
}

/** Installs the packages; scripts are left out, the one native build that is wanted follows in `ensureSqlite`. */
export async function installModules(root) {
  const command = existsSync(join(root, "package-lock.json")) ? "ci" : "install";
  await run("npm", [command, "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    env: npmEnv(),
    todo: "check that this machine reaches the npm registry (npm ping), then run it again",
  });
}

/** Whether better-sqlite3 loads and works with this Node. */
async function sqliteWorks(root) {
  const code = "new (require('better-sqlite3'))(':memory:').prepare('select 1').get()";
  try {
    await run(process.execPath, ["-e", code], { cwd: root, env: { ...process.env, NODE_EXTRA_CA_CERTS: "" } });
    return true;
  } catch {
    return false;
  }
}

const buildFile = (root) => join(root, "node_modules/better-sqlite3/build/Release/better_sqlite3.node");

/** A build is kept for later checkouts on this machine: compiling takes a minute. */
function cachedBuild(root) {
  const { version } = readJson(join(root, "node_modules/better-sqlite3/package.json"));
  const { modules } = process.versions;
  return `/var/cache/berth/better-sqlite3-${version}-node${modules}-${process.arch}.node`;
}

async function compile(root) {
  const tools = await missing(section("compiler"));
  if (!headersFolder() && !process.env.npm_config_nodedir && process.execPath === "/usr/bin/node") {
    if ((await missing(["nodejs"])).length === 0) tools.push(...section("node-headers"));
  }
  await install(tools);
  await run("npm", ["rebuild", "better-sqlite3", "--foreground-scripts", "--loglevel=error"], {
    cwd: root,
    env: npmEnv(),
    todo: "node-gyp needs python3, make, g++ and Node's headers; its own words above say which it missed",
  });
}

/** Sees to a native build of better-sqlite3 that this Node loads. Says how it came by it. */
export async function ensureSqlite(root) {
  const built = createRequire(join(root, "package.json")).resolve("better-sqlite3/package.json");
  if (!built) throw new StepError("better-sqlite3 is not installed", "npm ci");
  if (existsSync(buildFile(root)) && (await sqliteWorks(root))) return "in place";
  const cache = cachedBuild(root);
  if (existsSync(cache)) {
    mkdirSync(dirname(buildFile(root)), { recursive: true });
    copyFileSync(cache, buildFile(root));
    if (await sqliteWorks(root)) return "taken from this machine's cache";
  }
  await compile(root);
  if (!(await sqliteWorks(root))) {
    throw new StepError("better-sqlite3 was built but does not load", "see: node -e \"require('better-sqlite3')(':memory:')\"");
  }
  mkdirSync(dirname(cache), { recursive: true, mode: 0o755 });
  copyFileSync(buildFile(root), `${cache}.part`);
  renameSync(`${cache}.part`, cache);
  return "installed";
}
