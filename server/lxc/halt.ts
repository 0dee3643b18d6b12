// Asking a guest's init to shut down, in the language it knows.
import { readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { constants } from "node:os";
import { signalProcess } from "../host/pidfd.ts";

const SIGRTMIN_3 = 37;

/** systemd blocks SIGRTMIN+3 to take it for "halt"; busybox powers off by SIGUSR2; others know SIGPWR. */
export function haltSignal(status: string, executable: string): number {
  const blocked = BigInt(`0x${/^SigBlk:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  if (blocked & (1n << BigInt(SIGRTMIN_3 - 1))) return SIGRTMIN_3;
  if (path.basename(executable) === "busybox") return constants.signals.SIGUSR2;
  return constants.signals.SIGPWR;
}

/** Asks an init to halt; false when it has ended. */
export function requestHalt(init: number): boolean {
  try {
    const status = readFileSync(`/proc/${init}/status`, "utf8");
    return signalProcess(init, haltSignal(status, readlinkSync(`/proc/${init}/exe`)));
  } catch {
    return false;
  }
}

/** Ends an init, and all processes of its guest with it. */
export function kill(init: number): boolean {
  return signalProcess(init, constants.signals.SIGKILL);
}
