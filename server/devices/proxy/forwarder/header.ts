// The header that tells a server who its client is: the PROXY protocol, version 1, as LXD sends it.
import type { Socket } from "node:net";

/** IPv4 through an IPv6 socket is IPv4. */
const plain = (address: string) => (address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address);

export interface Ends {
  readonly client: string;
  readonly clientPort: number;
  readonly server: string;
  readonly serverPort: number;
}

/** The line for a connection; without ends, for one that has no addresses. */
export function renderProxyHeader(ends: Ends | undefined): string {
  if (!ends) return "PROXY UNKNOWN\r\n";
  const [client, server] = [plain(ends.client), plain(ends.server)];
  return `PROXY ${client.includes(":") ? "TCP6" : "TCP4"} ${client} ${server} ${ends.clientPort} ${ends.serverPort}\r\n`;
}

/** The two ends of an accepted connection; undefined for a unix socket, or one whose client has gone already. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Ends | undefined {
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) return undefined;
  return { client: remoteAddress, clientPort: remotePort, server: localAddress, serverPort: localPort };
}
