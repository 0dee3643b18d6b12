// The daemons that are compared: Berth, and LXD where it is installed, each in namespaces and a folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startDaemon } from "../helpers/daemon.ts";
import { exec, execOk, type Result } from "../helpers/exec.ts";
import { makeFolder, unmountBelow } from "../helpers/folder.ts";
import { shell } from "../helpers/guests.ts";
import type { ImageFiles } from "../helpers/images.ts";
import { Namespace } from "../helpers/namespace.ts";
import { Agent, call, must, type Reply } from "../helpers/socket.ts";
import { eventually } from "../helpers/wait.ts";

export const imageAlias = "bench";

/** Of the storage pool; `btrfs` lies in a loop file. */
export type Driver = "dir" | "btrfs";

export interface Peer {
  readonly name: string;
  /** Whether it is Berth, with a client of its own. */
  readonly berth: boolean;
  readonly pid: number;
  /** Where it listens. */
  readonly socket: string;
  /** Pids of the monitors of its containers. */
  monitors(): number[];
  /** The stock client. */
  lxc(...args: string[]): Promise<Result>;
  /** A shell script in which `lxc` reaches it. */
  shell(script: string): Promise<Result>;
  /** Berth's own client. */
  client(...args: string[]): Promise<Result>;
  /** The same as a program of its own, where it has been built. */
  native: ((...args: string[]) => Promise<Result>) | undefined;
  /** A raw call on a connection that is kept. */
  request(method: string, path: string, body?: unknown): Promise<Reply>;
  /** A raw call with the operation that it starts. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever came
  must(method: string, path: string, body?: unknown): Promise<any>;
  stop(): Promise<void>;
}

const nativeClient = fileURLToPath(new URL("../../dist/native/berth", import.meta.url));

const monitorsIn = (namespace: Namespace) => namespace.family().filter(({ command }) => command.startsWith("[lxc monitor]")).map(({ pid }) => pid);

export async function startBerth(driver: Driver): Promise<Peer> {
  const initFlags = driver === "btrfs" ? ["--storage-backend=btrfs", "--storage-create-loop=10"] : [];
  const daemon = await startDaemon({ env: { BERTH_CHECK_RESPONSES: "" }, initFlags, quiet: true });
  const agent = new Agent({ keepAlive: true });
  return {
    name: driver === "dir" ? "Berth" : `Berth ${driver}`,
    berth: true,
    socket: daemon.socket,
    get pid() {
      return daemon.pid;
    },
    monitors: () => monitorsIn(daemon.namespace),
    lxc: (...args) => daemon.lxc(...args),
    shell: (script) => shell(daemon, script),
    client: (...args) => daemon.berth(...args),
    native: existsSync(nativeClient) ? (...args) => exec(nativeClient, args, { env: { BERTH_DIR: daemon.dir } }) : undefined,
    request: (method, path, body) => daemon.request(method, path, body, { agent }),
    must: (method, path, body) => daemon.must(method, path, body, { agent }),
    stop: async () => {
      agent.destroy();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

export const lxdInstalled = () => existsSync("/usr/bin/lxd") || existsSync("/usr/sbin/lxd");

export async function startLxd(driver: Driver): Promise<Peer> {
  const namespace = await Namespace.make("berth-bench");
  const base = makeFolder();
  const dir = `${base}/lxd`;
  const socket = `${dir}/unix.socket`;
  const env = { LXD_DIR: dir, LXD_CONF: `${base}/lxc` };
  mkdirSync(dir, { mode: 0o711 });
  mkdirSync(env.LXD_CONF);
  writeFileSync(`${env.LXD_CONF}/config.yml`, "default-remote: local\nremotes:\n  local:\n    addr: unix://\n    public: false\n");
  const log = openSync(`${base}/log`, "a");
  const child = spawn(...namespace.wrap("lxd", ["--group", "root"]), { env: { ...process.env, ...env }, stdio: ["ignore", log, log], cwd: "/" });
  const agent = new Agent({ keepAlive: true });
  const stop = () => stopLxd(child, namespace, base, env, agent);
  try {
    await eventually(async () => (await call(socket, "GET", "/1.0")).status === 200, { timeout: 60_000, what: "LXD answers" });
    const [command, args] = namespace.wrap("lxd", ["init", "--auto", `--storage-backend=${driver}`, ...(driver === "dir" ? [] : ["--storage-create-loop=10"])]);
    await execOk(command, args, { env });
  } catch (error) {
    const words = readFileSync(`${base}/log`, "utf8").slice(-1500);
    await stop();
    throw new Error(`LXD did not start: ${(error as Error).message}\n${words}`);
  }
  return {
    name: `LXD ${driver}`,
    berth: false,
    pid: child.pid ?? 0,
    socket,
    monitors: () => monitorsIn(namespace),
    lxc: (...args) => exec("lxc", args, { env }),
    shell: (script) => exec("sh", ["-c", script], { env }),
    client: (...args) => exec("lxc", args, { env }),
    native: undefined,
    request: (method, path, body) => call(socket, method, path, body, { agent }),
    must: (method, path, body) => must(socket, method, path, body, { agent }),
    stop,
  };
}

async function stopLxd(child: ChildProcess, namespace: Namespace, base: string, env: Record<string, string>, agent: Agent): Promise<void> {
  agent.destroy();
  if (child.exitCode === null) await exec(...namespace.wrap("lxd", ["shutdown", "--timeout=30"]), { env, timeout: 45_000 });
  await namespace.remove();
  unmountBelow(base);
  rmSync(base, { recursive: true, force: true });
}

/** Imports the image, through the stock client as a user would. */
export async function importImage(peer: Peer, files: ImageFiles): Promise<string> {
  const { code, stderr } = await peer.lxc("image", "import", ...files, `--alias=${imageAlias}`);
  if (code !== 0) throw new Error(`${peer.name}: image import failed: ${stderr}`);
  return (await peer.must("GET", `/1.0/images/aliases/${imageAlias}`)).target as string;
}
