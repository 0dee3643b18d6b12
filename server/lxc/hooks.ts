// How a container tells the daemon that it has stopped: liblxc runs a small script, which writes a line
// into a FIFO. When no daemon listens the line is lost and liblxc goes on by itself; the next daemon
// looks for itself (adopt.ts).
import { chmodSync, existsSync, openSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:fs";
import { makeFifo } from "../host/libc.ts";
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

/** Listens for the hooks of containers; the result ends it. */
export function listenToHooks(paths: Paths, stopped: (notice: StopNotice) => void): () => void {
  if (!existsSync(paths.hookFifo)) makeFifo(paths.hookFifo);
  writeFileSync(paths.stopHook, script(paths));
  chmodSync(paths.stopHook, 0o700);
  // Opened for writing too, so that the end of one writer is not the end of the stream.
  const fd = openSync(paths.hookFifo, constants.O_RDWR | constants.O_NONBLOCK);
  const stream = new Socket({ fd, readable: true, writable: false });
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [event, name, target] = line.split(" ");
      if (event === "stop" && name) stopped({ name, reboot: target === "reboot" });
    }
  });
  stream.on("error", () => {});
  return () => stream.destroy();
}
