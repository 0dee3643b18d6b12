// The options of proxy devices, and which of them go together.
import { isTrue, type KeyTable } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { AddressError, familyOf, isWildcard, parseAddress } from "./address.ts";

function addressFault(value: string): string | undefined {
  try {
    parseAddress(value);
    return undefined;
  } catch (error) {
    if (error instanceof AddressError) return error.message;
    throw error;
  }
}

const address = { kind: "check", name: "address", check: addressFault } as const;
const mode = { kind: "check", name: "octal mode", check: (value: string) => (/^0?[0-7]{1,4}$/.test(value) ? undefined : "expected an octal mode such as 0660") } as const;
const id = { kind: "int", min: 0, max: 2 ** 32 - 2 } as const;
const bool = { kind: "bool" } as const;

export const proxyOptions: KeyTable = {
  listen: { type: address, live: true, description: "Where it listens: tcp:ADDRESS:PORTS, udp:ADDRESS:PORTS, unix:PATH or unix:@NAME. Ports as 80, 80-89 or 80,443; IPv6 in brackets" },
  connect: { type: address, live: true, description: "Where it connects to, in the same form: as many ports as it listens on, or one for all" },
  bind: { type: { kind: "enum", values: ["host", "instance", "guest", "container"] }, live: true, default: "host", description: "On which side it listens; guest and container are older words for instance" },
  nat: { type: bool, live: true, default: "false", description: "By rules of the firewall instead of a program: for tcp and udp to an instance whose nic has a fixed address" },
  proxy_protocol: { type: bool, live: true, default: "false", description: "Tells a tcp server the client's address by a PROXY header, version 1" },
  uid: { type: id, live: true, default: "0", description: "Owner of the listening unix socket" },
  gid: { type: id, live: true, default: "0", description: "Group of the listening unix socket" },
  mode: { type: mode, live: true, default: "0644", description: "Mode of the listening unix socket" },
  "security.uid": { type: id, live: true, default: "0", description: "User that it connects as" },
  "security.gid": { type: id, live: true, default: "0", description: "Group that it connects as" },
};

/** Which side listens. */
export const bindOf = ({ bind }: Config): "host" | "instance" => (bind === undefined || bind === "host" ? "host" : "instance");

/** What is wrong with a device whose options are right by themselves. */
export function proxyFault(options: Config): string | undefined {
  for (const name of ["listen", "connect"]) if (!options[name]) return `"${name}" is missing`;
  const listen = parseAddress(options["listen"] ?? "");
  const connect = parseAddress(options["connect"] ?? "");
  const nat = isTrue(options["nat"]);
  if (listen.protocol === "udp" && connect.protocol !== "udp") return "Proxying from udp to non-udp protocol is not supported";
  const needless = listen.protocol === "unix" ? connect.ports.length > 1 : ![0, 1, listen.ports.length].includes(connect.ports.length);
  if (needless) return "Mismatch between listen port(s) and connect port(s) count";
  if (isTrue(options["proxy_protocol"]) && (connect.protocol !== "tcp" || nat)) return "The PROXY header can only be sent to tcp servers in non-nat mode";
  if ((listen.protocol !== "unix" || listen.address.startsWith("@")) && (options["uid"] || options["gid"] || options["mode"])) {
    return "Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties";
  }
  if (!nat) return undefined;
  if (bindOf(options) !== "host") return "Only host-bound proxies can use NAT";
  if (listen.protocol === "unix" || listen.protocol !== connect.protocol) return `Proxying ${listen.protocol} <-> ${connect.protocol} is not supported when using NAT`;
  if (isWildcard(listen)) return `Cannot listen on wildcard address "${listen.address}" when in nat mode`;
  if (connect.address !== "" && familyOf(listen) !== familyOf(connect)) return "Cannot mix IP versions between listen and connect in nat mode";
  return undefined;
}
