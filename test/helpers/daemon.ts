// A real berthd for a test: a folder and namespaces of its own, a client, and nothing left when it is disposed of.
//   await using daemon = await startDaemon();
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ExecOptions, exec, type Result } from "./exec.ts";
import { makeFolder, unmountBelow } from "./folder.ts";
import { Namespace } from "./namespace.ts";
import { type CallOptions, call, must, type Reply } from "./socket.ts";
import { eventually } from "./wait.ts";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
export const berthPath = `${dist}/berth`;

export interface StartOptions {
  env?: Readonly<Record<string, string>>;
  args?: readonly string[];
  /** Runs `berth admin init --auto`: a pool, a network and the default profile. True when absent. */
  init?: boolean;
  /** More for that command. */
  initFlags?: readonly string[];
  /** Keeps its log to itself when it is stopped. */
  quiet?: boolean;
  /** Another program in place of dist/berthd. */
  program?: string;
  /** Changes the world it will live in, before it is started: mounts in its namespace, files in its folder. */
  prepare?: (daemon: Daemon) => Promise<unknown>;
}

export class Daemon {
  /** Its BERTH_DIR. */
  readonly dir: string;
  readonly socket: string;
  readonly namespace: Namespace;
  readonly #base: string;
  readonly #options: StartOptions;
  #child: ChildProcess | undefined;
  #stopping = false;

  constructor(base: string, namespace: Namespace, options: StartOptions) {
    this.#base = base;
    this.dir = `${base}/b`;
    this.socket = `${this.dir}/unix.socket`;
    this.namespace = namespace;
    this.#options = options;
  }

  /** Its pid; 0 while it does not run. */
  get pid(): number {
    return this.running ? (this.#child?.pid ?? 0) : 0;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has written to its log so far. */
  log(lines = Number.POSITIVE_INFINITY): string {
    const file = `${this.#base}/log`;
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-lines).join("\n") : "";
  }

  /** Starts it and waits until it answers. The namespaces are those it had before. */
  async start(): Promise<void> {
    const log = openSync(`${this.#base}/log`, "a");
    const [command, args] = this.namespace.wrap(this.#options.program ?? `${dist}/berthd`, this.#options.args ?? []);
    const env = { ...process.env, BERTH_CHECK_RESPONSES: "1", ...this.#options.env, BERTH_DIR: this.dir };
    this.#stopping = false;
    this.#child = spawn(command, args, { env, stdio: ["ignore", log, log], cwd: "/" });
    const answers = async () => {
      if (!this.running) return true;
      return existsSync(this.socket) && (await call(this.socket, "GET", "/1.0", undefined, { timeout: 5000 })).status === 200;
    };
    await eventually(answers, { timeout: 30_000, every: 10, what: "berthd answers on its socket" }).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log(40)}`);
    });
    if (!this.running) throw new Error(`berthd ended with status ${this.#child.exitCode}\n${this.log(40)}`);
  }

  async #end(signal: NodeJS.Signals, limit: number): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    this.#stopping = true;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    await gone;
    clearTimeout(timer);
  }

  /** Asks it to end, as a service manager would; containers go on. */
  stop(): Promise<void> {
    return this.#end("SIGTERM", 15_000);
  }

  /** Ends it with no chance to say goodbye. */
  kill9(): Promise<void> {
    return this.#end("SIGKILL", 1000);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Runs dist/berth. */
  berth(...args: string[]): Promise<Result> {
    return this.berthWith({}, ...args);
  }

  berthWith(options: ExecOptions, ...args: string[]): Promise<Result> {
    return exec(berthPath, args, { ...options, env: { BERTH_DIR: this.dir, BERTH_CONF: `${this.#base}/conf`, ...options.env } });
  }

  /** Runs dist/berth, which must succeed; resolves with its standard output. */
  async run(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.berth(...args);
    if (code !== 0) throw new Error(`berth ${args.join(" ")} ended with status ${code}\n${stderr || stdout}\n${this.log(15)}`);
    return stdout;
  }

  /** Runs the stock client of LXD, with a configuration of its own. */
  lxc(...args: string[]): Promise<Result> {
    return this.lxcWith({}, ...args);
  }

  lxcWith(options: ExecOptions, ...args: string[]): Promise<Result> {
    const conf = `${this.#base}/lxc`;
    if (!existsSync(conf)) {
      mkdirSync(conf);
      writeFileSync(`${conf}/config.yml`, "default-remote: local\nremotes:\n  local:\n    addr: unix://\n    public: false\n");
    }
    return exec("lxc", args, { ...options, env: { LXD_DIR: this.dir, LXD_CONF: conf, LXD_SOCKET: "", ...options.env } });
  }

  /** One raw request; `path` as on the wire. */
  request(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply> {
    return call(this.socket, method, path, body, options);
  }

  /** A request that must succeed, with the operation it may start; resolves with the metadata. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  must(method: string, path: string, body?: unknown, options?: CallOptions): Promise<any> {
    return must(this.socket, method, path, body, options);
  }

  /** Runs a program in the daemon's namespaces. */
  inNamespace(program: string, ...args: string[]): Promise<Result> {
    return exec(...this.namespace.wrap(program, args));
  }

  /** Stops and deletes all instances as a client would, at once. */
  async deleteInstances(): Promise<void> {
    const instances: { name: string; project: string; status: string }[] = await this.must("GET", "/1.0/instances?recursion=1&all-projects=true", undefined, { timeout: 10_000 });
    await Promise.all(instances.map(async ({ name, project, status }) => {
      const [path, query] = [`/1.0/instances/${encodeURIComponent(name)}`, `?project=${project}`];
      const url = `${path}${query}`;
      await this.must("PATCH", url, { config: { "security.protection.delete": "" } }).catch(() => {});
      if (status !== "Stopped") await this.must("PUT", `${path}/state${query}`, { action: "stop", force: true, timeout: 30 }).catch(() => {});
      if ((await this.request("GET", url)).status === 200) await this.must("DELETE", url); // ephemeral ones are gone
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const died = this.#child !== undefined && !this.running && !this.#stopping;
    const log = () => process.stderr.write(`--- log of berthd, last lines\n${this.log(40)}\n---\n`);
    if (this.running) await this.deleteInstances().catch((error: Error) => process.stderr.write(`cannot delete the instances: ${error.message}\n`));
    await this.stop();
    if (!this.#options.quiet || died) log(); // the runner shows it for a file that failed
    await this.namespace.remove();
    unmountBelow(this.#base);
    if (!process.env["TEST_KEEP"]) rmSync(this.#base, { recursive: true, force: true });
    if (died) throw new Error("berthd ended by itself during the test");
  }
}

/** Starts a daemon for a test. */
export async function startDaemon(options: StartOptions = {}): Promise<Daemon> {
  const namespace = await Namespace.make();
  const daemon = new Daemon(makeFolder(), namespace, options);
  try {
    mkdirSync(daemon.dir, { mode: 0o711 });
    await options.prepare?.(daemon);
    await daemon.start();
    if (options.init ?? true) await daemon.run("admin", "init", "--auto", ...(options.initFlags ?? []));
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
}
