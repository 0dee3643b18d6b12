// Kernel modules that a guest needs, loaded before it starts.
import { existsSync } from "node:fs";
import { fail, isCode } from "../../api/errors.ts";
import { run } from "../../host/run.ts";

/** The names in a `linux.kernel_modules`. */
export function moduleNames(value: string | undefined): string[] {
  return (value ?? "").split(",").map((name) => name.trim()).filter(Boolean);
}

/** Loads those that are not there. Throws `module_not_loaded` or `tool_missing`. */
export async function loadModules(value: string | undefined): Promise<void> {
  for (const name of moduleNames(value)) {
    if (existsSync(`/sys/module/${name.replaceAll("-", "_")}`)) continue;
    try {
      await run("modprobe", ["--use-blacklist", "--", name], { timeout: 30_000 });
    } catch (error) {
      if (!isCode(error, "tool_failed")) throw error;
      throw fail("module_not_loaded", { name, reason: error.details["reason"] ?? "" }, error);
    }
  }
}
