// Connections to berthd's unix socket.
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { explainConnectError } from "./connect-error.ts";
import type { Dialer } from "./dialer.ts";

export class UnixDialer implements Dialer {
  readonly host = "berth";
  readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  dial(): Socket {
    return connect({ path: this.socketPath, highWaterMark: 1 << 20 } as NetConnectOpts);
  }

  explain(error: unknown): unknown {
    return explainConnectError(error, this.socketPath);
  }
}
