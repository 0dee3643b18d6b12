// The addresses by which others can reach this machine, also those of interfaces without a carrier.
import { closeSync } from "node:fs";
import { openNetlinkOf, readLinks } from "../host/netlink.ts";

/** `inet`: IPv4 only. */
export function ownAddresses(family?: "inet"): string[] {
  const socket = openNetlinkOf(process.pid);
  try {
    return readLinks(socket).filter(({ kind }) => kind !== "loopback").flatMap(({ addresses }) => addresses)
      .filter((one) => one.scope === "global" && (family === undefined || one.family === family)).map(({ address }) => address);
  } finally {
    closeSync(socket);
  }
}
