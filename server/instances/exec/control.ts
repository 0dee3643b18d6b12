// What a client says on a control websocket, of an exec or a console.
import type { ExecControl } from "../../api/instances.ts";

/** Undefined for what is not ours to understand. */
export function parseControl(data: Buffer): ExecControl | undefined {
  try {
    const message: unknown = JSON.parse(data.toString("utf8"));
    return typeof message === "object" && message !== null ? (message as ExecControl) : undefined;
  } catch {
    return undefined;
  }
}

/** The size of a window-resize; undefined when it is another message, or no size. */
export function sizeIn(message: ExecControl): { width: number; height: number } | undefined {
  if (message.command !== "window-resize") return undefined;
  const [width, height] = [Number(message.args?.["width"]), Number(message.args?.["height"])];
  return width > 0 && height > 0 ? { width, height } : undefined;
}
