// What cloud-init is given: YAML that is broken is told to the user who sets it, rather than to the guest at its next boot.
import { FAILSAFE_SCHEMA, loadAll } from "js-yaml";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";

const mostDepth = 100;

/** Scripts, MIME archives and templates are none, and pass. */
const isYaml = (key: string, value: string) => key === "cloud-init.network-config" || /^#cloud-config\r?\n/.test(value);

/** Throws `invalid_config_value` for the first that is no map, of those that differ from `previous`. */
export function assertCloudInitData(config: Config, previous: Config): void {
  for (const key of ["cloud-init.network-config", "cloud-init.user-data", "cloud-init.vendor-data"]) {
    const value = config[key];
    if (value === undefined || value === previous[key] || !isYaml(key, value)) continue;
    const reason = yamlFault(value);
    if (reason) throw fail("invalid_config_value", { key, reason });
  }
}

function yamlFault(text: string): string | undefined {
  try {
    const [document = ""] = loadAll(text, { schema: FAILSAFE_SCHEMA, json: true, maxDepth: mostDepth }); // json: keys may come twice
    if (typeof document === "string") return ["", "~", "null"].includes(document) ? undefined : "expected a map, in YAML";
    return Array.isArray(document) ? "expected a map, in YAML" : undefined;
  } catch (error) {
    const [reason = ""] = (error as Error).message.split("\n");
    return /tag/.test(reason) ? undefined : `it is not valid YAML: ${reason}`; // tags mean something to whoever reads it
  }
}
