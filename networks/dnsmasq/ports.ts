// Finds who holds a port. Looks through all of /proc, so only when something has failed already.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

function listSockets(table: string, port: number, address: string): string[] {
  let text = "";
  try {
    text = readFileSync(`/proc/net/${table}`, "utf8");
  } catch {
    return [];
  }
  // IPv4 addresses stand there as a number in the machine's byte order.
  const exact = Buffer.from(address.split(".").map(Number).reverse()).toString("hex").toUpperCase();
  return text.split("\n").slice(1).flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const [host = "", hexPort = ""] = local.split(":");
    const listens = table.startsWith("udp") || state === "0A";
    const matches = Number.parseInt(hexPort, 16) === port && (/^0+$/.test(host) || host === exact);
    return listens && matches && inode ? [`socket:[${inode}]`] : [];
  });
}

function holdsSocket(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

/** The process that listens on a port of that IPv4 address, or of all addresses; undefined when it cannot be told. */
export function findPortHolder(port: number, address: string): PortHolder | undefined {
  const sockets = new Set(["udp", "tcp", "udp6", "tcp6"].flatMap((table) => listSockets(table, port, address)));
  if (sockets.size === 0) return undefined;
  const pid = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).find((name) => holdsSocket(name, sockets));
  if (pid === undefined) return undefined;
  return { pid: Number(pid), command: readFileSync(`/proc/${pid}/comm`, "utf8").trim() };
}
