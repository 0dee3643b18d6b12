// Making changed configuration keys hold for a guest that runs.
import type { Config } from "../api/schemas.ts";
import type { Undo } from "../undo.ts";
import type { Running } from "./runtime.ts";

/** Applies what live keys changed. Throws what the kernel refuses; `undo` takes back what was done before. */
export async function applyLiveConfig(_running: Running, _before: Config, _after: Config, _undo: Undo): Promise<void> {}
