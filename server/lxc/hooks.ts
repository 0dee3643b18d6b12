// How a container tells the daemon that it has stopped: liblxc runs a small script, which writes a line
// into a FIFO. When no daemon listens the line is lost and liblxc goes on by itself; the next daemon
// looks for itself (instances/recover.ts).
import { constants, existsSync, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { hasCode, makeFifo } from "../host/libc.ts";
import { replaceFile } from "../host/replace-file.ts";
import type { Paths } from "../paths.ts";

export interface StopNotice {
  /** System name of the container. */
  name: string;
  /** The guest asked for a reboot. */
  reboot: boolean;
}

/**
 * With a daemon there (it holds the lock), a reboot is refused to liblxc: the daemon starts the container
 * anew, with its configuration of now. With none, liblxc reboots it as it was.
 */
function script(paths: Paths): string {
  return `#!/bin/sh
# Run by liblxc after a container has stopped.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec 1<>"${paths.hookFifo}"
echo "stop $LXC_NAME \${LXC_TARGET:-stop}"
[ "$LXC_TARGET" = reboot ] || exit 0
flock -n -s "${paths.lock}" true && exit 0
exit 1
`;
}

/** What hooks write to. Opened before the lock is taken: whoever sees the lock taken can be sure that its line is read. */
export class StopHooks {
  readonly #fd: number;
  readonly #stream: Socket;
  #stopped: ((notice: StopNotice) => void) | undefined;
  #rest = "";

  constructor(paths: Paths) {
    if (!existsSync(paths.hookFifo)) makeFifo(paths.hookFifo);
    // Opened for writing too, so that the end of one writer is not the end of the stream.
    this.#fd = openSync(paths.hookFifo, constants.O_RDWR | constants.O_NONBLOCK);
    this.#stream = new Socket({ fd: this.#fd, readable: true, writable: false });
    this.#stream.on("error", () => {});
  }

  /** Hears from now on what is and what was said. Whoever calls this holds the lock. */
  listen(paths: Paths, stopped: (notice: StopNotice) => void): void {
    this.#stopped = stopped;
    replaceFile(paths.stopHook, script(paths), 0o700); // a container may be about to run it
    this.#stream.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** Hears at once what has been said up to now: that a monitor has ended may be seen before what its hook wrote. */
  hear(): void {
    if (!this.#stopped) return;
    const chunk = Buffer.alloc(4096);
    try {
      for (;;) this.#take(chunk.subarray(0, readSync(this.#fd, chunk)));
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error;
    }
  }

  #take(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [event, name, target] = line.split(" ");
      if (event === "stop" && name) this.#stopped?.({ name, reboot: target === "reboot" });
    }
  }

  close(): void {
    this.#stopped = undefined;
    this.#stream.destroy();
  }
}
