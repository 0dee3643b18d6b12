// Questions on the terminal, worded and answered as lxd's.
import { createInterface, type Interface } from "node:readline";
import { CliError } from "./errors.ts";
import { writeNow } from "./output/write.ts";

export class Prompt {
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  constructor(input: NodeJS.ReadableStream = process.stdin) {
    this.#interface = createInterface({ input });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** Asks until `check` finds no fault; an empty answer means `preset`. */
  async ask(question: string, preset: string, check: (answer: string) => string | undefined = () => undefined): Promise<string> {
    for (;;) {
      writeNow(1, question);
      const { value, done } = await this.#lines.next();
      if (done) throw new CliError("The answers ended before the questions did");
      const answer = value.trim() || preset;
      const fault = answer === "" ? "an answer is needed" : check(answer);
      if (fault === undefined) return answer;
      writeNow(2, `Invalid input: ${fault}\n\n`);
    }
  }

  async askBool(question: string, preset: "yes" | "no"): Promise<boolean> {
    const check = (answer: string) => (/^(yes|y|no|n)$/i.test(answer) ? undefined : "answer yes or no");
    return /^y/i.test(await this.ask(question, preset, check));
  }

  /** Asks for something that is not to be seen. */
  static askSecret(question: string): Promise<string> {
    writeNow(2, question);
    process.stdin.setRawMode(true);
    return new Promise<string>((resolve, reject) => {
      let answer = "";
      const onData = (data: Buffer) => {
        for (const char of data.toString("utf8")) {
          if (char === "\r" || char === "\n") return settle(() => resolve(answer));
          if (char === "\x03" || char === "\x04") return settle(() => reject(new CliError("Nothing was typed in")));
          answer = char === "\x7f" || char === "\b" ? [...answer].slice(0, -1).join("") : answer + char;
        }
      };
      const settle = (finish: () => void) => {
        process.stdin.off("data", onData).pause();
        process.stdin.setRawMode(false);
        writeNow(2, "\n");
        finish();
      };
      process.stdin.on("data", onData);
    });
  }

  close(): void {
    this.#interface.close();
  }
}
