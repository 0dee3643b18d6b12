// How a server is reached: a byte stream to it, over a unix socket here or TLS elsewhere.
import type { Socket } from "node:net";

export interface Dialer {
  /** For the Host header. */
  readonly host: string;
  /** What every request says of who makes it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A connection that can be written to: it may still be on its way. */
  dial(): Socket | Promise<Socket>;
  /** Turns the error of a failed attempt into one that says what to do. */
  explain(error: unknown): unknown;
}

/** Opens a connection; the error of one that failed says what to do. */
export async function openConnection(dialer: Dialer): Promise<Socket> {
  try {
    return await dialer.dial();
  } catch (error) {
    throw dialer.explain(error);
  }
}
