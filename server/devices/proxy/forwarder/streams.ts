// Relaying between two streams: what one end says the other hears, at the pace of the slower one.
import type { Socket } from "node:net";

function pump(from: Socket, to: Socket): void {
  from.on("data", (chunk) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
}

/** Joins two connected streams. An end of one is an end for the other in that direction only; an error ends both. */
export function relay(a: Socket, b: Socket): void {
  pump(a, b);
  pump(b, a);
}

/** When one of them fails or is closed before its time, so is the other. */
export function tie(a: Socket, b: Socket): void {
  for (const [one, other] of [[a, b], [b, a]] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => {
      if (!other.writableEnded || !one.readableEnded) other.destroy();
    });
  }
}
