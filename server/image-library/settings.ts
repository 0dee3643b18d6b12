// What holds for images: a project's own configuration, else the server's, else the default.
import type { imageKeys } from "../api/config-keys/images.ts";
import type { Context } from "../context.ts";
import { settingIn } from "../projects/setting.ts";

export function imageSetting(ctx: Pick<Context, "projects" | "settings">, project: string, key: keyof typeof imageKeys): string {
  return settingIn(ctx, project, key);
}
