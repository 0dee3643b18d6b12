// Bytes of a unix socket together with the descriptors that come along with them, taken from one socket and given to another.
import { closeSync } from "node:fs";
import koffi from "koffi";
import { SysError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const raw = {
  recvmsg: libc.func("long recvmsg(int fd, void *message, int flags)"),
  sendmsg: libc.func("long sendmsg(int fd, void *message, int flags)"),
};

const dataSize = 64 * 1024;
/** For 253 descriptors, the most that one message carries. */
const controlSize = 1040;
const headerSize = 56;
const vectorSize = 16;

const flag = { DONTWAIT: 0x40, NOSIGNAL: 0x4000, CMSG_CLOEXEC: 0x40000000 } as const;

/** Memory that stays where it is, as the structures point at each other. */
function allocate(size: number): { address: bigint; bytes: Buffer } {
  const pointer = koffi.alloc("uint8", size);
  return { address: koffi.address(pointer), bytes: Buffer.from(koffi.view(pointer, size)) };
}

const data = allocate(dataSize);
const control = allocate(controlSize);
const vector = allocate(vectorSize);
const header = allocate(headerSize);
vector.bytes.writeBigUInt64LE(data.address, 0);
header.bytes.fill(0);
header.bytes.writeBigUInt64LE(vector.address, 16);
header.bytes.writeBigUInt64LE(1n, 24);

function describe(dataLength: number, controlLength: number): Buffer {
  vector.bytes.writeBigUInt64LE(BigInt(dataLength), 8);
  header.bytes.writeBigUInt64LE(controlLength > 0 ? control.address : 0n, 32);
  header.bytes.writeBigUInt64LE(BigInt(controlLength), 40);
  return header.bytes;
}

/** What was taken from a socket and not been given on yet. */
export interface Message {
  bytes: Buffer;
  /** As the kernel wrote them: they are sent on like that. */
  control: Buffer;
  descriptors: number[];
}

/** The descriptors in the control data of a message. */
function descriptorsIn(bytes: Buffer): number[] {
  const SOL_SOCKET = 1;
  const SCM_RIGHTS = 1;
  const found: number[] = [];
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    if (length < 16) break;
    if (bytes.readInt32LE(at + 8) === SOL_SOCKET && bytes.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let each = at + 16; each + 4 <= at + length; each += 4) found.push(bytes.readInt32LE(each));
    }
    at += (length + 7) & ~7;
  }
  return found;
}

/** Takes what is there. Undefined when nothing is there yet; without bytes at the end. Throws ECONNRESET and the like. */
export function receiveMessage(fd: number): Message | undefined {
  const length = Number(raw.recvmsg(fd, describe(dataSize, controlSize), flag.DONTWAIT | flag.CMSG_CLOEXEC));
  if (length < 0) {
    const error = new SysError("recvmsg", koffi.errno(), "");
    if (error.code === "EAGAIN" || error.code === "EINTR") return undefined;
    throw error;
  }
  const got = Buffer.from(control.bytes.subarray(0, Number(header.bytes.readBigUInt64LE(40))));
  return { bytes: Buffer.from(data.bytes.subarray(0, length)), control: got, descriptors: descriptorsIn(got) };
}

/** Gives a message on, or a part of it, which is taken off it then. True when nothing of it is left. Throws EPIPE and the like. */
export function sendMessage(fd: number, message: Message): boolean {
  message.bytes.copy(data.bytes);
  message.control.copy(control.bytes);
  const sent = Number(raw.sendmsg(fd, describe(message.bytes.length, message.control.length), flag.DONTWAIT | flag.NOSIGNAL));
  if (sent < 0) {
    const error = new SysError("sendmsg", koffi.errno(), "");
    if (error.code === "EAGAIN" || error.code === "EINTR") return false;
    throw error;
  }
  closeDescriptors(message); // they went with the first byte
  message.bytes = message.bytes.subarray(sent);
  return message.bytes.length === 0;
}

/** Lets go of the descriptors of a message. */
export function closeDescriptors(message: Message): void {
  for (const descriptor of message.descriptors) closeSync(descriptor);
  message.descriptors = [];
  message.control = Buffer.alloc(0);
}
