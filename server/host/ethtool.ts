// What a network card's driver tells of it and its link.
import { closeSync } from "node:fs";
import koffi from "koffi";

const libc = koffi.load("libc.so.6");
const raw = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  ioctl: libc.func("ioctl", "int", ["int", "unsigned long", "void *"]),
};

const SIOCETHTOOL = 0x8946;
const GDRVINFO = 3;
const GLINKSETTINGS = 0x4c;
const room = 2048;

export interface CardSettings {
  firmware: string;
  /** Undefined when the driver does not tell of its link. */
  link: LinkSettings | undefined;
}

export interface LinkSettings {
  autoNegotiation: boolean;
  /** PORT_* and XCVR_* of the kernel. */
  port: number;
  transceiver: number;
  /** Whether it can do a link mode, by the number of its bit. */
  supports(mode: number): boolean;
}

/** Asks a card; the question and the answer share a buffer of the kernel's layout. Undefined when it does not know. */
function ask(socket: number, name: string, question: Buffer): Buffer | undefined {
  const data = koffi.alloc("uint8_t", room);
  try {
    koffi.encode(data, "uint8_t", [...question, ...Buffer.alloc(room - question.length)], room);
    const request = Buffer.alloc(40); // struct ifreq
    request.write(name.slice(0, 15), 0, "latin1");
    request.writeBigUInt64LE(BigInt(koffi.address(data)), 16);
    if (Number(raw.ioctl(socket, SIOCETHTOOL, request)) < 0) return undefined;
    return Buffer.from(koffi.decode(data, "uint8_t", room) as number[]);
  } finally {
    koffi.free(data);
  }
}

function command(number: number, words = 0): Buffer {
  const question = Buffer.alloc(48);
  question.writeUInt32LE(number, 0);
  question.writeInt8(words, 15);
  return question;
}

/** The first answer only says, as a negative number, how many words the sets of modes have. */
function readLink(socket: number, name: string): LinkSettings | undefined {
  const words = -(ask(socket, name, command(GLINKSETTINGS))?.readInt8(15) ?? 0);
  if (words <= 0) return undefined;
  const answer = ask(socket, name, command(GLINKSETTINGS, words));
  if (!answer || answer.readInt8(15) !== words) return undefined;
  return {
    port: answer.readUInt8(9), autoNegotiation: answer.readUInt8(11) === 1, transceiver: answer.readUInt8(16),
    supports: (mode) => mode < words * 32 && ((answer.readUInt32LE(48 + (mode >> 5) * 4) >>> (mode & 31)) & 1) === 1,
  };
}

/** Of an interface of this network namespace; undefined when there is no such card. */
export function readCardSettings(name: string): CardSettings | undefined {
  const socket = Number(raw.socket(2, 2 | 0o2000000, 0)); // AF_INET, SOCK_DGRAM, not for children
  if (socket < 0) return undefined;
  try {
    const driver = ask(socket, name, command(GDRVINFO));
    if (!driver) return undefined;
    return { firmware: driver.toString("latin1", 68, 100).replace(/\0.*/s, ""), link: readLink(socket, name) };
  } finally {
    closeSync(socket);
  }
}
