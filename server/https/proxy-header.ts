// The PROXY protocol, versions 1 and 2: how a proxy in front says whom a connection comes from, before TLS begins.
import type { Socket } from "node:net";
import ipaddr from "ipaddr.js";
import { joinAddress } from "../api/config-keys/listen-address.ts";

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const longestV1 = 107;
/** Room for addresses and what else a proxy may add. */
const longestV2 = 4096;
const timeLimit = 5000;

/** `more`: it is not all there yet; `none`: what comes is no such header. */
export type Header = "more" | "none" | { length: number; address: string | undefined };

/** Reads the header that a connection begins with. Throws when it is broken. Pure. */
export function parseProxyHeader(bytes: Buffer): Header {
  if (bytes.subarray(0, 12).equals(signature.subarray(0, Math.min(12, bytes.length)))) return parseV2(bytes);
  const word = "PROXY ";
  if (bytes.toString("latin1", 0, 6) !== word.slice(0, bytes.length)) return "none";
  const end = bytes.subarray(0, longestV1).indexOf("\r\n");
  if (end < 0) {
    if (bytes.length >= longestV1) throw new Error("a PROXY header without an end");
    return "more";
  }
  return { length: end + 2, address: parseV1(bytes.toString("latin1", 0, end)) };
}

function parseV1(line: string): string | undefined {
  if (/^PROXY UNKNOWN\b/.test(line)) return undefined;
  const [, family, source = "", port = ""] = /^PROXY TCP([46]) (\S+) \S+ (\d{1,5}) \d{1,5}$/.exec(line) ?? [];
  const isValid = family === "4" ? ipaddr.IPv4.isValidFourPartDecimal(source) : ipaddr.IPv6.isValid(source);
  if (!family || !isValid || Number(port) > 65_535) throw new Error("a broken PROXY header");
  return joinAddress(source, Number(port));
}

function parseV2(bytes: Buffer): Header {
  if (bytes.length < 16) return "more";
  const length = 16 + bytes.readUInt16BE(14);
  const [command, family] = [bytes[12] ?? 0, bytes[13] ?? 0];
  if (command >> 4 !== 2 || (command & 0xf) > 1 || length > longestV2) throw new Error("a broken PROXY header");
  if (bytes.length < length) return "more";
  const size = family >> 4 === 1 ? 4 : family >> 4 === 2 ? 16 : 0;
  if ((command & 0xf) === 0 || size === 0) return { length, address: undefined }; // the proxy's own, or of a unix socket
  if (length < 16 + 2 * size + 4) throw new Error("a broken PROXY header");
  const source = ipaddr.fromByteArray([...bytes.subarray(16, 16 + size)]).toString();
  return { length, address: joinAddress(source, bytes.readUInt16BE(16 + 2 * size)) };
}

/** Takes the header from a connection; resolves to the address it tells, if it does. Rejects when it is broken or does not come. */
export function takeProxyHeader(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const stop = (error?: Error) => {
      clearTimeout(timer);
      socket.off("readable", look).off("close", ended);
      if (error) reject(error);
    };
    const ended = () => stop(new Error("the connection has ended"));
    const timer = setTimeout(() => stop(new Error("no PROXY header in time")), timeLimit);
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk) return;
      held = Buffer.concat([held, chunk]);
      try {
        const header = parseProxyHeader(held);
        if (header === "more") return;
        stop();
        socket.unshift(header === "none" ? held : held.subarray(header.length));
        resolve(header === "none" ? undefined : header.address);
      } catch (error) {
        stop(error as Error);
      }
    };
    socket.on("readable", look).once("close", ended);
    look();
  });
}
