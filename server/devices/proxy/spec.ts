// What the daemon and its forwarder say to each other: one JSON object a line.
import type { User } from "../../host/as-user.ts";
import type { ProxyAddress } from "./address.ts";

/** One proxy that the forwarder is to serve. */
export interface ProxySpec {
  /** `INSTANCE/DEVICE`. */
  readonly key: string;
  readonly listen: ProxyAddress;
  readonly connect: ProxyAddress;
  readonly bind: "host" | "instance";
  /** The guest's init: its pid, and when it was started, in the clock ticks of /proc/PID/stat. */
  readonly init: { readonly pid: number; readonly start: string };
  /** Who listens, and with which mode; host ids. */
  readonly owner: User & { readonly mode: number };
  /** Who connects; host ids. */
  readonly user: User;
  readonly proxyProtocol: boolean;
}

/** Changes with what the two say to each other: a forwarder of another number is replaced. */
export const protocolVersion = 1;

export type Request =
  | { readonly do: "list" }
  | { readonly do: "quit" }
  | { readonly do: "add"; readonly proxy: ProxySpec }
  | { readonly do: "remove"; readonly key: string };

export interface ForwarderFault {
  readonly code: string;
  readonly message: string;
  /** What could not be listened on. */
  readonly address?: string;
}

export interface Reply {
  readonly version: number;
  readonly proxies: readonly ProxySpec[];
  readonly error?: ForwarderFault;
}

/** Where the forwarder of a daemon is found, below the daemon's folder for it. */
export const forwarderFiles = (dir: string) => ({ socket: `${dir}/socket`, log: `${dir}/log`, pid: `${dir}/pid` });
