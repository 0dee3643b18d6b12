// `edit` commands: YAML from stdin, or in the user's editor until the server takes it. What was typed is never lost: while it is not
// taken it stays in a file, which is named.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isCode } from "../server/api/errors.ts";
import type { Context } from "./context.ts";
import { CliError, hintOf, messageOf } from "./errors.ts";
import { forYaml, type Shape } from "./output/shape.ts";
import { readYaml, renderYaml } from "./output/yaml.ts";
import type { Server } from "./remotes/server.ts";

export interface Editing<T> {
  read(): Promise<unknown>;
  shape: Shape;
  /** Comment lines above the document. */
  help: string;
  /** From the parsed YAML to what is written. */
  parse(document: unknown): T;
  write(body: T, headers: Record<string, string>): Promise<unknown>;
}

export async function editDocument<T>(ctx: Context, server: Server, editing: Editing<T>): Promise<void> {
  if (ctx.hasInput) {
    await editing.write(editing.parse(await readYaml(await ctx.readInput())), {});
    return;
  }
  const { value, headers } = await server.readForChange(() => editing.read());
  const text = `${editing.help ? `${editing.help}\n\n` : ""}${renderYaml(forYaml(value, editing.shape))}`;
  await editText(ctx, text, async (changed) => editing.write(editing.parse(await readYaml(changed)), headers), "document.yaml");
}

/** Opens the user's editor on a text, again and again until `write` takes what has become of it or the user gives up. */
export async function editText(ctx: Context, text: string, write: (changed: string) => Promise<unknown>, name = "text"): Promise<void> {
  const { tmpdir } = await import("node:os");
  const folder = mkdtempSync(join(tmpdir(), "berth_editor_"));
  const file = join(folder, name);
  const kept = `your text is kept in ${file}`;
  writeFileSync(file, text, { mode: 0o600 });
  for (;;) {
    try {
      await editFile(file);
      await write(readFileSync(file, "utf8"));
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      // Trying again would fail again: what was read is no longer what is there.
      if (isCode(error, "etag_mismatch")) throw new CliError(messageOf(error), { cause: error, hint: `somebody else has changed it meanwhile; ${kept}.` });
      const hint = hintOf(error);
      ctx.warn(`Config parsing error: ${messageOf(error)}${hint ? `\nHint: ${hint}` : ""}`);
      if (!(await wantsAgain(ctx))) throw new CliError("Nothing was changed", { cause: error, hint: `${kept}.` });
    }
  }
}

/** Whether the user presses enter, and not Ctrl-C or Ctrl-D. */
async function wantsAgain(ctx: Context): Promise<boolean> {
  const { createInterface } = await import("node:readline");
  ctx.print("Press enter to open the editor again or ctrl+c to abort change");
  const lines = createInterface({ input: process.stdin });
  return new Promise<boolean>((resolve) => {
    const settle = (again: boolean) => {
      process.off("SIGINT", onInterrupt);
      resolve(again);
      lines.close();
    };
    const onInterrupt = () => settle(false);
    process.once("SIGINT", onInterrupt);
    lines.once("line", () => settle(true)).once("close", onInterrupt);
  });
}

/** Opens the user's editor on a file, and waits until it ends. */
export async function editFile(file: string): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || (process.platform === "win32" ? "notepad" : "editor");
  // The variable may hold arguments, as in "code --wait".
  const [command, args] = process.platform === "win32" ? ["cmd", ["/c", `${editor} "${file}"`]] : ["sh", ["-c", `${editor} "$1"`, "sh", file]];
  const { status, error } = spawnSync(command as string, args as string[], { stdio: "inherit" });
  if (error || status !== 0) {
    throw new CliError(`The editor "${editor}" failed`, { hint: "set EDITOR to the one you use.", cause: error });
  }
}
