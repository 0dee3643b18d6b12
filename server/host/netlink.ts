// Interfaces and addresses of a network namespace, asked of the kernel over a netlink socket that was
// opened inside it: no process, no file, some tens of microseconds.
import { closeSync, openSync } from "node:fs";
import ipaddr from "ipaddr.js";
import { CLONE_NEWNET, netlinkSocket, receive, send, setns } from "./libc.ts";

export interface LinkAddress {
  family: "inet" | "inet6";
  address: string;
  prefix: number;
  scope: "global" | "link" | "local";
}

export interface Link {
  index: number;
  name: string;
  mac: string;
  mtu: number;
  up: boolean;
  kind: "broadcast" | "loopback" | "point-to-point";
  /** Index of the other end (veth) or of the parent; 0 when there is none. */
  peer: number;
  rx: Counters;
  tx: Counters;
  addresses: LinkAddress[];
}

export interface Counters {
  packets: number;
  bytes: number;
  errors: number;
  dropped: number;
}

const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST_DUMP = 0x301;
const headerSize = 16;

let ownNamespace: number | undefined;

/** Opens a netlink socket inside the network namespace of a process. */
export function openNetlinkOf(pid: number): number {
  ownNamespace ??= openSync("/proc/self/ns/net", "r");
  const theirs = openSync(`/proc/${pid}/ns/net`, "r");
  try {
    setns(theirs, CLONE_NEWNET);
    try {
      return netlinkSocket();
    } finally {
      setns(ownNamespace, CLONE_NEWNET);
    }
  } finally {
    closeSync(theirs);
  }
}

const buffer = Buffer.alloc(64 * 1024);

/** Asks for all objects of a kind and calls back with the body of each. */
function dump(socket: number, type: number, bodySize: number, each: (body: Buffer) => void): void {
  const request = Buffer.alloc(headerSize + bodySize);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(type, 4);
  request.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  send(socket, request);
  for (;;) {
    const size = receive(socket, buffer);
    for (let at = 0; at + headerSize <= size; ) {
      const length = buffer.readUInt32LE(at);
      const kind = buffer.readUInt16LE(at + 4);
      if (kind === NLMSG_DONE) return;
      if (kind === NLMSG_ERROR) throw new Error(`netlink: error ${buffer.readInt32LE(at + headerSize)}`);
      each(buffer.subarray(at + headerSize, at + length));
      at += (length + 3) & ~3;
    }
    if (size === 0) return;
  }
}

function attributes(body: Buffer, from: number, each: (type: number, value: Buffer) => void): void {
  for (let at = from; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) return;
    each(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
}

function counters(stats: Buffer, direction: 0 | 1): Counters {
  const read = (index: number) => Number(stats.readBigUInt64LE((index * 2 + direction) * 8));
  return { packets: read(0), bytes: read(1), errors: read(2), dropped: read(3) };
}

const none: Counters = { packets: 0, bytes: 0, errors: 0, dropped: 0 };

function parseLink(body: Buffer): Link {
  const flags = body.readUInt32LE(8);
  const link: Link = {
    index: body.readInt32LE(4), name: "", mac: "", mtu: 0, up: (flags & 1) !== 0, peer: 0, rx: none, tx: none, addresses: [],
    kind: flags & 8 ? "loopback" : flags & 16 ? "point-to-point" : "broadcast",
  };
  attributes(body, 16, (type, value) => {
    if (type === 1) link.mac = link.kind === "loopback" ? "" : value.toString("hex").replace(/..(?=.)/g, "$&:");
    else if (type === 3) link.name = value.toString("utf8", 0, value.indexOf(0));
    else if (type === 4) link.mtu = value.readUInt32LE(0);
    else if (type === 5) link.peer = value.readInt32LE(0);
    else if (type === 23) [link.rx, link.tx] = [counters(value, 0), counters(value, 1)];
  });
  return link;
}

const AF_INET = 2;
const AF_INET6 = 10;

function parseAddress(body: Buffer): { index: number; address: LinkAddress } | undefined {
  const family = body[0];
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const scope = body[3] === 0 ? "global" : body[3] === 254 ? "local" : "link";
  let bytes: Buffer | undefined;
  attributes(body, 8, (type, value) => {
    if (type === 2 || (type === 1 && !bytes)) bytes = value; // the local address, unlike the peer's, comes second
  });
  if (!bytes) return undefined;
  return {
    index: body.readUInt32LE(4),
    address: {
      family: family === AF_INET ? "inet" : "inet6",
      address: ipaddr.fromByteArray([...bytes]).toString(),
      prefix: body[1] ?? 0,
      scope,
    },
  };
}

/** All interfaces seen through a socket, with their addresses, in the kernel's order. */
export function readLinks(socket: number): Link[] {
  const links = new Map<number, Link>();
  dump(socket, RTM_GETLINK, 16, (body) => {
    const link = parseLink(body);
    links.set(link.index, link);
  });
  dump(socket, RTM_GETADDR, 8, (body) => {
    const found = parseAddress(body);
    if (found) links.get(found.index)?.addresses.push(found.address);
  });
  return [...links.values()];
}
