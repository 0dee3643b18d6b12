// Asks a network whether somebody has an address: by ARP for IPv4, by neighbour solicitation for IPv6, as a machine does
// before it takes one.
import { closeSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Family, parseIp } from "../../api/config-keys/ip.ts";
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { frameSocket, hasCode, receive, send } from "../../host/libc.ts";
import { explain, log } from "../../log.ts";
import { answerTo, etherTypes, renderProbe } from "./probe-frames.ts";
import { listOf } from "./options.ts";

/** How long an answer may take, in ms. */
const patience = 100;

/** The first of a routed nic's addresses that somebody on the parent's network has. */
export async function probeAddresses(options: Config, parent: string): Promise<string | undefined> {
  for (const family of [4, 6] as const) {
    const wished = options[`ipv${family}.neighbor_probe`];
    if (wished !== undefined && !isTrue(wished)) continue;
    const taken = await probeFamily(family, listOf(options[`ipv${family}.address`]), parent);
    if (taken) return taken;
  }
  return undefined;
}

async function probeFamily(family: Family, addresses: readonly string[], parent: string): Promise<string | undefined> {
  if (addresses.length === 0) return undefined;
  const read = (file: string) => readFileSync(`/sys/class/net/${parent}/${file}`, "utf8").trim();
  let socket: number | undefined;
  try {
    socket = frameSocket(Number(read("ifindex")), etherTypes[family]);
    const wanted = addresses.map((address) => ({ family, value: parseIp(address)?.value ?? 0n }));
    for (const ip of wanted) send(socket, renderProbe(ip, read("address")));
    const frame = Buffer.alloc(2048);
    for (const until = Date.now() + patience; Date.now() < until; await sleep(5)) {
      for (let size = receiveNow(socket, frame); size > 0; size = receiveNow(socket, frame)) {
        const found = wanted.findIndex((ip) => answerTo(frame.subarray(0, size), ip));
        if (found >= 0) return addresses[found];
      }
    }
  } catch (error) {
    log.warn("addresses could not be probed", { parent, error: explain(error) }); // the parent may be down
  } finally {
    if (socket !== undefined) closeSync(socket);
  }
  return undefined;
}

/** Bytes of the next frame; 0 when there is none. */
function receiveNow(socket: number, frame: Buffer): number {
  try {
    return receive(socket, frame);
  } catch (error) {
    if (hasCode(error, "EAGAIN", "EWOULDBLOCK")) return 0;
    throw error;
  }
}
