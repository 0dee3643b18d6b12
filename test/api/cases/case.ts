// What a case of an endpoint is: a request that succeeds, another that is refused, and what they leave to be seen.
import type { Daemon } from "../../helpers/daemon.ts";

export interface World {
  readonly daemon: Daemon;
  /** Fingerprint of the small image, whose alias is "busybox". */
  readonly fingerprint: string;
  /** Makes an instance without an image, or a running one of the small image. */
  makeInstance(name: string, running?: boolean): Promise<void>;
}

export interface Call {
  /** As on the wire. */
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

export interface Case {
  /** Makes what the request is about. */
  prepare?: (world: World) => Promise<unknown>;
  /** A request that succeeds. */
  good: Call | ((world: World) => Call | Promise<Call>) | "a token waits for its use: see system/images-servers.test.ts" | "it ends the daemon: see system/shutdown.test.ts"
    | "it takes two servers: see system/images-servers.test.ts";
  /** Where a 201 says that the new thing is. */
  location?: string;
  /** Looks at the metadata of the reply, or at the operation as it ended, or at the text (`raw`). */
  // biome-ignore lint/suspicious/noExplicitAny: it looks into whatever came
  check?: (result: any, world: World) => unknown;
  /** A request that is refused, with the status and sentence. An endpoint that refuses nothing says so. */
  bad: (Call & { status: number; error: string | RegExp }) | "refuses nothing";
}
