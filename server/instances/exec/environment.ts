// The environment and folder that a program finds itself in.
import type { Config } from "../../api/schemas.ts";
import { fail } from "../../api/errors.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `config` is the instance's expanded configuration; `given` comes from the caller and wins. */
export function execEnvironment(config: Config, given: Readonly<Record<string, string>>, uid: number): Record<string, string> {
  for (const name of Object.keys(given)) {
    if (name === "" || /[=\0]/.test(name)) throw fail("bad_body", { reason: `"${name}" is no name for a variable` });
  }
  if (Object.values(given).some((value) => value.includes("\0"))) throw fail("bad_body", { reason: "a variable's value may not hold NUL" });
  const own = Object.entries(config).filter(([key]) => key.startsWith("environment.")).map(([key, value]) => [key.slice("environment.".length), value]);
  return {
    PATH: defaultPath, LANG: "C.UTF-8", ...(uid === 0 ? { HOME: "/root", USER: "root" } : {}), ...Object.fromEntries(own), ...given,
  };
}
