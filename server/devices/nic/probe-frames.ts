// The Ethernet frames that ask for an address, and those that answer.
import { bits, type Family, type Ip } from "../../api/config-keys/ip.ts";

export const etherTypes: Readonly<Record<Family, number>> = { 4: 0x0806, 6: 0x86dd };

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");
const ipBytes = ({ family, value }: Ip): Buffer => Buffer.from(value.toString(16).padStart(bits(family) / 4, "0"), "hex");

function ethernet(to: Buffer, from: string, family: Family, content: Buffer): Buffer {
  const kind = Buffer.alloc(2);
  kind.writeUInt16BE(etherTypes[family]);
  return Buffer.concat([to, macBytes(from), kind, content]);
}

/** A question whether somebody has an address, from one who has none. Pure. */
export function renderProbe(ip: Ip, from: string): Buffer {
  return ip.family === 4 ? renderArp(ip, from) : renderSolicitation(ip, from);
}

function renderArp(ip: Ip, from: string): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]);
  return ethernet(Buffer.alloc(6, 0xff), from, 4, Buffer.concat([head, macBytes(from), Buffer.alloc(4), Buffer.alloc(6), ipBytes(ip)]));
}

/** To the group that the address's last three bytes make, from the unspecified address. */
function renderSolicitation(ip: Ip, from: string): Buffer {
  const target = ipBytes(ip);
  const group = Buffer.concat([Buffer.from("ff0200000000000000000001ff", "hex"), target.subarray(13)]);
  const message = Buffer.concat([Buffer.from([135, 0, 0, 0, 0, 0, 0, 0]), target]);
  message.writeUInt16BE(checksum(Buffer.concat([Buffer.alloc(16), group, Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58]), message])), 2);
  const head = Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255]);
  return ethernet(Buffer.concat([Buffer.from([0x33, 0x33]), group.subarray(12)]), from, 6, Buffer.concat([head, Buffer.alloc(16), group, message]));
}

/** The Internet's checksum. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Whether a frame says that its sender has the address. Pure. */
export function answerTo(frame: Buffer, ip: Ip): boolean {
  const body = frame.subarray(14);
  if (frame.length < 42 || frame.readUInt16BE(12) !== etherTypes[ip.family]) return false;
  if (ip.family === 4) return body.readUInt16BE(6) === 2 && body.subarray(14, 18).equals(ipBytes(ip));
  return body.length >= 64 && body[6] === 58 && body[40] === 136 && body.subarray(48, 64).equals(ipBytes(ip));
}
