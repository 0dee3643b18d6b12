// Our terminal while a pty in an instance has it.
import { spawnSync } from "node:child_process";
import { isatty } from "node:tty";

export class Terminal {
  readonly #onResize: () => void;
  readonly #restore = () => this.release();
  readonly #reclaim = () => this.#claimAgain();

  private constructor(onResize: () => void) {
    this.#onResize = onResize;
  }

  /** Takes the terminal: every key and every byte is the command's. Undefined when there is none. */
  static claim(onResize: () => void): Terminal {
    const terminal = new Terminal(onResize);
    if (isatty(1)) process.stdout.on("resize", onResize);
    if (isatty(0)) {
      makeRaw();
      process.on("exit", terminal.#restore);
      process.on("SIGCONT", terminal.#reclaim);
    }
    return terminal;
  }

  /** Gives it back as it was. May be called again. */
  release(): void {
    if (isatty(1)) process.stdout.off("resize", this.#onResize);
    process.off("exit", this.#restore);
    process.off("SIGCONT", this.#reclaim);
    if (isatty(0)) process.stdin.setRawMode(false);
  }

  /** A shell that has stopped us and lets us go on has set its own mode meanwhile. */
  #claimAgain(): void {
    process.stdin.setRawMode(false);
    makeRaw();
    this.#onResize();
  }
}

/**
 * Raw mode. Node leaves output processing on, which moves the cursor of full-screen programs to the
 * first column at every line feed; stty turns it off, and Node's restore turns it on again.
 */
function makeRaw(): void {
  process.stdin.setRawMode(true);
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}
