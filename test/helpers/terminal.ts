// A real terminal for tests: a shell in tmux, in which `lxc` and `berth` reach the daemon.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Daemon } from "./daemon.ts";
import { execOk } from "./exec.ts";
import { clientEnv } from "./guests.ts";
import { eventually } from "./wait.ts";

export class Terminal {
  /** A folder of its own on the host. */
  readonly folder: string;
  readonly #env: Record<string, string>;

  private constructor(folder: string, env: Record<string, string>) {
    this.folder = folder;
    this.#env = env;
  }

  static async open(daemon: Daemon, width = 100, height = 30): Promise<Terminal> {
    const folder = mkdtempSync(`${dirname(daemon.dir)}/term-`);
    const terminal = new Terminal(folder, { ...clientEnv(daemon), LANG: "C.UTF-8", TMUX: "" });
    writeFileSync(`${folder}/rc`, "PS1='host> '\n");
    writeFileSync(`${folder}/conf`, "set -g history-limit 5000\nset -g status off\nset -g default-terminal screen-256color\n");
    const size = ["-x", String(width), "-y", String(height)];
    await terminal.#tmux("-f", `${folder}/conf`, "new-session", "-d", "-c", folder, ...size, `bash --noprofile --rcfile ${folder}/rc`);
    await terminal.waitFor(/^host>$/m);
    return terminal;
  }

  #tmux(...args: string[]): Promise<string> {
    return execOk("tmux", ["-u", "-S", `${this.folder}/tmux`, ...args], { env: this.#env });
  }

  /** Presses keys by tmux's names: "C-c", "Enter". */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Types a line and Enter. */
  async type(line: string): Promise<void> {
    await this.#tmux("send-keys", "-l", line);
    await this.press("Enter");
  }

  /** Pastes a text as it is. */
  async paste(text: string): Promise<void> {
    writeFileSync(`${this.folder}/paste`, text);
    await this.#tmux("load-buffer", `${this.folder}/paste`);
    await this.#tmux("paste-buffer", "-r");
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(width), "-y", String(height));
  }

  /** What has been on the screen, long lines joined, without blanks at their ends. */
  screen(): Promise<string> {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-").then((text) => text.replace(/[ \t]+$/gm, "").trimEnd());
  }

  /** What is on the screen, with the orders for colours among it. */
  coloured(): Promise<string> {
    return this.#tmux("capture-pane", "-p", "-e");
  }

  waitFor(pattern: RegExp, timeout = 10_000): Promise<string> {
    return eventually(async () => {
      const screen = await this.screen();
      return pattern.test(screen) ? screen : "";
    }, { timeout, every: 40, what: `the terminal shows ${pattern}` }).catch(async (error: Error) => {
      throw new Error(`${error.message}\nscreen:\n${await this.screen()}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}
