// How a server that is added comes to trust this client, and which of its projects is meant.
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";

/** Shows a password or token to the server, which then knows our certificate. An empty one is asked for. */
export async function trustUs(ctx: Context, server: Server, password: string): Promise<void> {
  const word = password || (await askSecret(ctx, `Admin password (or token) for ${server.remote}: `));
  await server.ask("POST", "/1.0/certificates", { body: { type: "client", password: word } });
  if ((await server.client.getServer()).auth !== "trusted") throw new CliError("Server doesn't trust us after authentication");
  ctx.say(`Client certificate now trusted by server: ${server.remote}`);
}

/** Asks for something that is not to be seen. */
export async function askSecret(ctx: Context, question: string): Promise<string> {
  const { Prompt } = await import("../../prompt.ts");
  if (ctx.hasInput) {
    ctx.write(`${question}\n`);
    return (await ctx.readInput()).split("\n")[0]?.trim() ?? "";
  }
  return Prompt.askSecret(question);
}

/** The project that commands on this remote are about; undefined for the default one. */
export async function findProject(ctx: Context, server: Server, wanted: string): Promise<string | undefined> {
  if (wanted !== "") {
    await server.client.getProject({ name: wanted });
    return wanted;
  }
  const names = ((await server.client.listProjects()) as string[]).map((url) => decodeURIComponent(url.split("/").at(-1) ?? ""));
  if (names.length === 1 && names[0] !== "default") return names[0];
  if (names.length === 0 || names.includes("default")) return undefined;
  ctx.print(["Available projects:", ...names.map((name) => ` - ${name}`)].join("\n"));
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  try {
    return await prompt.ask("Name of the project to use for this remote: ", "", (answer) => (names.includes(answer) ? undefined : "there is no such project"));
  } finally {
    prompt.close();
  }
}
