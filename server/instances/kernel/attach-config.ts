// What liblxc gives init by lxc.conf and is to give each program of an exec, too: resource limits, and variables of raw.lxc.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { parseRawLxc } from "../../api/config-keys/raw-lxc.ts";
import type { Config } from "../../api/schemas.ts";
import { type Line, renderLine } from "../../lxc/render-config.ts";
import { resourceLimits } from "./lines.ts";

const fileIn = (logs: string) => `${logs}/attach.conf`;

/** Writes it for a guest that is about to start: it holds as long as what init has. */
export function writeAttachConfig(logs: string, config: Config): void {
  const variables = parseRawLxc(config["raw.lxc"] ?? "").filter(({ key }) => key === "lxc.environment").map(({ key, value = "" }): Line => [key, value]);
  const lines = [...resourceLimits(config), ...variables];
  if (lines.length > 0) writeFileSync(fileIn(logs), lines.map(renderLine).join(""), { mode: 0o600 });
  else rmSync(fileIn(logs), { force: true });
}

/** The file for a guest that runs; most have none. */
export function attachConfig(logs: string): string | undefined {
  return existsSync(fileIn(logs)) ? fileIn(logs) : undefined;
}
