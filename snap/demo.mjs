// npm run demo: from a bare Debian to a running Debian container, with a word on each step. Run it again at any time.
// npm run demo -- --remove takes everything away again.
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";
import { call, must } from "./demo/api.mjs";
import { startDaemon } from "./demo/daemon.mjs";
import { buildImage, hasImage, importImage } from "./demo/image.mjs";
import { remove } from "./demo/remove.mjs";
import { showCommand, showIsolation, waitForAddress } from "./demo/show.mjs";
import { run, say, script, StepError, step } from "./setup/step.mjs";
import { setup } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dir = process.env.BERTH_DIR || "/var/lib/berth";
const demo = {
  root,
  dir,
  socket: `${dir}/unix.socket`,
  program: `${root}dist/berthd`,
  berth: `${root}dist/berth`,
  env: { ...process.env, BERTH_DIR: dir },
  name: "demo",
  alias: "debian/12",
  force: process.argv.includes("--force"),
};

async function init() {
  const pools = await must(demo.socket, "GET", "/1.0/storage-pools");
  const profile = await must(demo.socket, "GET", "/1.0/profiles/default");
  if (pools.length > 0 && Object.keys(profile.devices).length > 0) return "done before";
  await run(demo.berth, ["admin", "init", "--auto"], { env: demo.env, todo: "see the daemon's log; berth admin init asks step by step" });
  return "a storage pool, a network and the default profile";
}

/** Launches the container, or starts it when it is there and stopped. */
async function launch() {
  const found = await call(demo.socket, "GET", `/1.0/instances/${demo.name}`);
  if (found.type === "sync" && found.metadata.status === "Running") return "already running";
  const args = found.type === "sync" ? ["start", demo.name] : ["launch", demo.alias, demo.name];
  const since = performance.now();
  await run(demo.berth, args, { env: demo.env, todo: `see: dist/berth info ${demo.name} --show-log` });
  return `berth ${args.join(" ")}: ${Math.round(performance.now() - since)} ms`;
}

async function show() {
  if (process.getuid() !== 0) throw new StepError("not run by root", "sudo npm run demo");
  await setup();
  await build();
  await step("berthd", () => startDaemon(demo));
  await step("first settings", init);
  if (!(await hasImage(demo))) {
    await step("Debian image (about half a minute when it is made for the first time)", () => buildImage(demo));
    await step("image import", () => importImage(demo));
  }
  await step("container", launch);
  await step("its address", () => waitForAddress(demo));
  showCommand(demo, "exec", demo.name, "--", "ps", "fax");
  showCommand(demo, "list");
  await showIsolation(demo);
  say(`
A Debian machine runs in a container. Go on with (dist/berth; a link makes it "berth": ln -s ${demo.berth} /usr/local/bin/)
  berth exec ${demo.name} -- bash         a shell in it
  berth launch ${demo.alias} second    another one
  berth stop ${demo.name}; berth start ${demo.name}; berth delete -f ${demo.name}
  berth --help                         everything else
Remove all of it:  npm run demo -- --remove`);
}

if (process.argv.includes("--remove")) await script("remove", () => remove(demo));
else await script("demo", show);
