// What holds for images: a project's own configuration, else the server's, else the default.
import type { Context } from "../context.ts";

type Key = "images.auto_update_cached" | "images.auto_update_interval" | "images.compression_algorithm" | "images.remote_cache_expiry";

export function imageSetting(ctx: Pick<Context, "projects" | "settings">, project: string, key: Key): string {
  return ctx.projects.get(project).config[key] || ctx.settings.get(key);
}
