// Interfaces and addresses of a network namespace, asked of the kernel over a netlink socket that was
// opened inside it: no process, no file, some tens of microseconds.
import { closeSync, openSync } from "node:fs";
import ipaddr from "ipaddr.js";
import { CLONE_NEWNET, netlinkSocket, receive, receiveWaiting, send, setns } from "./libc.ts";

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
  kind: "broadcast" | "loopback" | "point-to-point" | "unknown";
  /** Index of the other end (veth) or of the parent; 0 when there is none. */
  peer: number;
  /** Its driver in the kernel, such as veth; "" for network cards. */
  driver: string;
  /** The other end or parent lies in another network namespace. */
  peerOutside: boolean;
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
const RTM_GETSTATS = 94;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST_DUMP = 0x301;
const headerSize = 16;

let ownNamespace: number | undefined;

/** Opens a netlink socket inside the network namespace of a process. `groups`: what it is told of unasked. */
export function openNetlinkOf(pid: number, groups = 0): number {
  const theirs = openSync(`/proc/${pid}/ns/net`, "r");
  try {
    return openNetlinkIn(theirs, groups);
  } finally {
    closeSync(theirs);
  }
}

/** Opens a netlink socket inside a network namespace. */
export function openNetlinkIn(namespace: number, groups = 0): number {
  ownNamespace ??= openSync("/proc/self/ns/net", "r");
  setns(namespace, CLONE_NEWNET);
  try {
    return netlinkSocket(groups);
  } finally {
    setns(ownNamespace, CLONE_NEWNET);
  }
}

const buffer = Buffer.alloc(64 * 1024);

/** Asks for all objects of a kind and calls back with where the body of each lies in `buffer`. */
function dump(socket: number, type: number, body: Buffer, each: (from: number, to: number) => void): void {
  const request = Buffer.concat([Buffer.alloc(headerSize), body]);
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
      each(at + headerSize, at + length);
      at += (length + 3) & ~3;
    }
    if (size === 0) return;
  }
}

/** Calls back with the type of each attribute, and where its value begins and ends. */
function attributes(from: number, to: number, each: (type: number, start: number, end: number) => void): void {
  for (let at = from; at + 4 <= to; ) {
    const length = buffer.readUInt16LE(at);
    if (length < 4) return;
    each(buffer.readUInt16LE(at + 2) & 0x3fff, at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** Numbers of packets and bytes stay exact up to 2^53. */
function readNumber(at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

function counters(stats: number, direction: 0 | 1): Counters {
  const read = (index: number) => readNumber(stats + (index * 2 + direction) * 8);
  return { packets: read(0), bytes: read(1), errors: read(2), dropped: read(3) };
}

const none: Counters = { packets: 0, bytes: 0, errors: 0, dropped: 0 };

/** The kind in IFLA_LINKINFO. */
function readDriver(from: number, to: number): string {
  let driver = "";
  attributes(from, to, (type, start, end) => {
    if (type === 1) driver = buffer.toString("utf8", start, end).replace(/\0.*/s, "");
  });
  return driver;
}

function parseLink(from: number, to: number): Link {
  const flags = buffer.readUInt32LE(from + 8);
  const link: Link = {
    index: buffer.readInt32LE(from + 4), name: "", mac: "", mtu: 0, up: (flags & 1) !== 0, peer: 0, peerOutside: false, driver: "", rx: none, tx: none, addresses: [],
    kind: flags & 8 ? "loopback" : flags & 16 ? "point-to-point" : flags & 2 ? "broadcast" : "unknown",
  };
  attributes(from + 16, to, (type, start, end) => {
    if (type === 1) link.mac = link.kind === "loopback" ? "" : buffer.toString("hex", start, end).replace(/..(?=.)/g, "$&:");
    else if (type === 3) link.name = buffer.toString("utf8", start, end - 1);
    else if (type === 4) link.mtu = buffer.readUInt32LE(start);
    else if (type === 5) link.peer = buffer.readInt32LE(start);
    else if (type === 18) link.driver = readDriver(start, end);
    else if (type === 37) link.peerOutside = true;
    else if (type === 23) [link.rx, link.tx] = [counters(start, 0), counters(start, 1)];
  });
  return link;
}

const AF_INET = 2;
const AF_INET6 = 10;

function parseAddress(from: number, to: number): { index: number; address: LinkAddress } | undefined {
  const family = buffer[from];
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const scope = buffer[from + 3] === 0 ? "global" : buffer[from + 3] === 254 ? "local" : "link";
  let bytes: Buffer | undefined;
  attributes(from + 8, to, (type, start, end) => {
    // The local address, unlike the peer's, comes second.
    if (type === 2 || (type === 1 && !bytes)) bytes = buffer.subarray(start, end);
  });
  if (!bytes) return undefined;
  const address = family === AF_INET ? bytes.join(".") : ipaddr.fromByteArray([...bytes]).toString();
  return {
    index: buffer.readUInt32LE(from + 4),
    address: { family: family === AF_INET ? "inet" : "inet6", address, prefix: buffer[from + 1] ?? 0, scope },
  };
}

/** Addresses by the index of their interface. */
function readAddresses(socket: number): Map<number, LinkAddress[]> {
  const addresses = new Map<number, LinkAddress[]>();
  dump(socket, RTM_GETADDR, Buffer.alloc(8), (from, to) => {
    const found = parseAddress(from, to);
    if (found) addresses.set(found.index, [...(addresses.get(found.index) ?? []), found.address]);
  });
  return addresses;
}

/** All interfaces seen through a socket, with their addresses, in the kernel's order. */
export function readLinks(socket: number, addresses = readAddresses(socket)): Link[] {
  const links: Link[] = [];
  dump(socket, RTM_GETLINK, Buffer.alloc(16), (from, to) => links.push(parseLink(from, to)));
  for (const link of links) link.addresses = addresses.get(link.index) ?? [];
  return links;
}

const LINK_GROUP = 1;
const ADDRESS_GROUPS = 0x10 | 0x100; // of IPv4 and IPv6

/** Sets the counters of interfaces to what they are now: cheaper than to ask for all that is known of them. */
function readCounters(socket: number, links: readonly Link[]): void {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(1, 8); // struct if_stats_msg: IFLA_STATS_LINK_64 alone
  const byIndex = new Map(links.map((link) => [link.index, link]));
  dump(socket, RTM_GETSTATS, body, (from, to) => {
    const link = byIndex.get(buffer.readUInt32LE(from + 4));
    attributes(from + 12, to, (type, start) => {
      if (link && type === 1) [link.rx, link.tx] = [counters(start, 0), counters(start, 1)];
    });
  });
}

/** The interfaces of a network namespace. They and their addresses are asked for again when the kernel has said that they changed. */
export class NetworkView {
  readonly #socket: number;
  readonly #notices: number;
  #links: Link[] | undefined;

  /** Throws when the process has ended. */
  constructor(pid: number) {
    this.#socket = openNetlinkOf(pid);
    try {
      this.#notices = openNetlinkOf(pid, LINK_GROUP | ADDRESS_GROUPS);
    } catch (error) {
      closeSync(this.#socket);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#socket);
    closeSync(this.#notices);
  }

  links(): Link[] {
    if (discardWaiting(this.#notices)) this.#links = undefined;
    if (this.#links) readCounters(this.#socket, this.#links);
    else this.#links = readLinks(this.#socket);
    return this.#links;
  }
}

/** The names of the machine's own interfaces. They are asked for again when the kernel has said that some changed. */
export class HostInterfaces {
  readonly #socket = netlinkSocket();
  readonly #notices = netlinkSocket(LINK_GROUP);
  #names: ReadonlyMap<number, string> | undefined;

  /** By index. */
  names(): ReadonlyMap<number, string> {
    if (discardWaiting(this.#notices)) this.#names = undefined;
    this.#names ??= new Map(readLinks(this.#socket, new Map()).map(({ index, name }) => [index, name]));
    return this.#names;
  }
}

/** Throws away what waits in a socket; whether anything did. */
function discardWaiting(socket: number): boolean {
  let found = false;
  while (receiveWaiting(socket, buffer)) found = true;
  return found;
}
