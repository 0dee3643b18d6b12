// Ends a lease. dnsmasq keeps leases in memory and writes its file from there, so the lease is handed back
// the way a machine would: by a DHCPRELEASE in its name.
import { createSocket } from "node:dgram";
import { readIp } from "../addresses/subnet.ts";
import type { Lease } from "./leases.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(":", ""), "hex");

function bytesOf(address: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(readIp(address).value));
  return bytes;
}

const option = (code: number, value: Buffer): Buffer => Buffer.concat([Buffer.from([code, value.length]), value]);

/** The packet that gives an IPv4 lease back to the server with that address. */
export function renderRelease(lease: Pick<Lease, "mac" | "address" | "clientId">, server: string): Buffer {
  const head = Buffer.alloc(240);
  head.set([1, 1, 6, 0]); // a request, over Ethernet, with 6 bytes of MAC
  head.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), 4);
  bytesOf(lease.address).copy(head, 12);
  hex(lease.mac).copy(head, 28, 0, 6);
  head.set([0x63, 0x82, 0x53, 0x63], 236); // DHCP's mark
  const clientId = lease.clientId ? [option(61, hex(lease.clientId))] : [];
  return Buffer.concat([head, option(53, Buffer.from([7])), option(54, bytesOf(server)), ...clientId, Buffer.from([255])]);
}

/** Sends the release to dnsmasq; resolves when it is sent. Nothing is answered to it. Throws what the socket throws. */
export async function releaseLease(lease: Lease, server: string): Promise<void> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.send(renderRelease(lease, server), 67, server, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    socket.close();
  }
}
