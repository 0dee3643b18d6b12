// Keys that projects have as well as the server.
import type { Context } from "../context.ts";

/** What holds for such a key in a project: the project's value, else the server's, else the server's default. */
export function settingIn(ctx: Pick<Context, "projects" | "settings">, project: string, key: string): string {
  return ctx.projects.get(project).config[key] ?? ctx.settings.get(key);
}
