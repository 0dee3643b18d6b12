// `edit` commands: YAML from stdin, or in the user's editor until the server takes it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "./context.ts";
import { CliError, messageOf } from "./errors.ts";
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
  let text = `${editing.help ? `${editing.help}\n\n` : ""}${renderYaml(forYaml(value, editing.shape))}`;
  for (;;) {
    text = await openEditor(text);
    try {
      await editing.write(editing.parse(await readYaml(text)), headers);
      return;
    } catch (error) {
      ctx.warn(`Config parsing error: ${messageOf(error)}`);
      ctx.print("Press enter to open the editor again or ctrl+c to abort change");
      await pressEnter();
    }
  }
}

async function pressEnter(): Promise<void> {
  const { Prompt } = await import("./prompt.ts");
  const prompt = new Prompt();
  await prompt.ask("", "yes");
  prompt.close();
}

/** Lets the user change a text in their editor. */
async function openEditor(text: string): Promise<string> {
  const { tmpdir } = await import("node:os");
  const folder = mkdtempSync(join(tmpdir(), "berth_editor_"));
  const file = join(folder, "document.yaml");
  try {
    writeFileSync(file, text, { mode: 0o600 });
    await editFile(file);
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens the user's editor on a file, and waits until it ends. */
export async function editFile(file: string): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || "editor";
  // The variable may hold arguments, as in "code --wait".
  const { status, error } = spawnSync("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
  if (error || status !== 0) {
    throw new CliError(`The editor "${editor}" failed`, { hint: "set EDITOR to the one you use.", cause: error });
  }
}
