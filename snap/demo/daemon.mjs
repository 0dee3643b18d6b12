// The demo's daemon: started when none answers, and ended again by `npm run demo -- --remove`.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasSystemd } from "../setup/lxcfs.mjs";
import { forget, recall, remember } from "../setup/state.mjs";
import { run, StepError } from "../setup/step.mjs";
import { answers } from "./api.mjs";

const unit = "berthd";

const logHint = ({ dir, systemd }) => (systemd ? `journalctl -u ${unit} -n 50` : `tail -n 50 ${join(dir, "berthd.log")}`);

/** Detached: it outlives this script, and its containers outlive it. */
function startDetached({ dir, program }) {
  const log = openSync(join(dir, "berthd.log"), "a", 0o600);
  const env = { ...process.env, BERTH_DIR: dir };
  for (const key of Object.keys(env)) if (key.startsWith("npm_") || key === "INIT_CWD") delete env[key];
  const child = spawn(program, [], { detached: true, stdio: ["ignore", log, log], cwd: "/", env });
  child.on("error", () => {});
  child.unref();
  return child;
}

async function startUnit({ dir, program }) {
  await run("systemctl", ["reset-failed", `${unit}.service`]).catch(() => {});
  await run("systemd-run", [
    `--unit=${unit}`, "--description=Berth, the manager of system containers", "-p", "KillMode=process", "-p", "Delegate=yes",
    "-p", "Restart=on-failure", "-p", "LimitNOFILE=1048576", "-p", "TasksMax=infinity",
    `--setenv=BERTH_DIR=${dir}`, `--setenv=PATH=${process.env.PATH}`, program,
  ], { todo: `see: systemctl status ${unit}` });
}

/** Starts the daemon unless one answers. Says which. */
export async function startDaemon(demo) {
  if (await answers(demo.socket)) return "already running";
  mkdirSync(demo.dir, { recursive: true, mode: 0o711 });
  const systemd = hasSystemd();
  let child;
  if (systemd) await startUnit(demo);
  else child = startDetached(demo);
  remember({ daemon: systemd ? { unit, dir: demo.dir } : { pid: child.pid, dir: demo.dir } });
  const todo = `see its log: ${logHint({ dir: demo.dir, systemd })}`;
  for (const until = Date.now() + 30_000; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await answers(demo.socket)) break;
    if (child && child.exitCode !== null) throw new StepError(`berthd ended with status ${child.exitCode}${lastLog(demo.dir)}`, todo);
  }
  await run(demo.berth, ["admin", "waitready", "--timeout=30"], { env: demo.env, todo });
  return systemd ? `started as ${unit}.service` : `started (pid ${child.pid}, log ${join(demo.dir, "berthd.log")})`;
}

function lastLog(dir) {
  const file = join(dir, "berthd.log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").slice(-8) : [];
  return lines.map((line) => `\n      | ${line}`).join("");
}

const isBerthd = (pid) => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("berthd");

/** Ends the daemon that `startDaemon` started for this folder. */
export async function stopDaemon({ dir }) {
  const { daemon } = recall();
  if (!daemon || daemon.dir !== dir) return "not started by this demo: left alone";
  if (daemon.unit) await run("systemctl", ["stop", `${daemon.unit}.service`], { ok: [0, 5] });
  else if (isBerthd(daemon.pid)) {
    process.kill(daemon.pid, "SIGTERM");
    for (let i = 0; i < 200 && isBerthd(daemon.pid); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    if (isBerthd(daemon.pid)) process.kill(daemon.pid, "SIGKILL");
  }
  forget("daemon");
  return "ended";
}

/** Whether the folder's daemon was started by this demo. */
export const startedHere = ({ dir }) => recall().daemon?.dir === dir;
