// What the host's end of a nic has to be told: routes to the guest, and for a routed nic addresses and neighbours.
// Lines for `ip -batch`; pure.
import type { Config } from "../../api/schemas.ts";
import { listOf } from "./options.ts";
import { parentOf } from "./vlan.ts";

const families = ["ipv4", "ipv6"] as const;
const hostAddress = { ipv4: "169.254.0.1", ipv6: "fe80::1" } as const;
const whole = { ipv4: 32, ipv6: 128 } as const;

/** The subnets of `ipvN.routes`. */
export const subnetsOf = (options: Config): string[] => families.flatMap((family) => listOf(options[`${family}.routes`]));

/** Routes to the subnets behind a nic, through `device`. */
export function renderRoutes(verb: "add" | "del", subnets: readonly string[], device: string): string[] {
  return subnets.map((subnet) => `route ${verb} ${subnet} dev ${device} proto boot`);
}

/** The host's address on a routed nic. */
const hostAddressOf = (options: Config, family: "ipv4" | "ipv6"): string => options[`${family}.host_address`] || hostAddress[family];

/** The host's end of a routed nic: its own address, a route to each of the guest's, and those behind it. */
export function renderRoutedHost(options: Config, hostName: string): string[] {
  return families.flatMap((family) => {
    const addresses = listOf(options[`${family}.address`]);
    if (addresses.length === 0) return [];
    const table = options[`${family}.host_table`];
    return [
      `addr replace ${hostAddressOf(options, family)}/${whole[family]} dev ${hostName}${family === "ipv6" ? " nodad" : ""}`,
      ...addresses.flatMap((address) => [
        `route add ${address}/${whole[family]} dev ${hostName} proto boot`,
        ...(table ? [`route add ${address}/${whole[family]} dev ${hostName} proto boot table ${table}`] : []),
      ]),
      ...listOf(options[`${family}.routes`]).map((subnet) => `route add ${subnet} via ${addresses[0]} dev ${hostName} proto boot`),
    ];
  });
}

/** The host answers for the guest's addresses on its parent's network. */
export function renderNeighbors(verb: "replace" | "del", options: Config): string[] {
  const parent = parentOf(options);
  return parent ? families.flatMap((family) => listOf(options[`${family}.address`]).map((address) => `neigh ${verb} proxy ${address} dev ${parent}`)) : [];
}

export interface GuestAddress {
  family: "ipv4" | "ipv6";
  /** With prefix. */
  address: string;
}

/** The addresses that a routed nic has in the guest, and the gateways there. */
export function guestAddresses(options: Config): { addresses: GuestAddress[]; gateways: GuestAddress[] } {
  const addresses = families.flatMap((family) => listOf(options[`${family}.address`]).map((address) => ({ family, address: `${address}/${whole[family]}` })));
  const gateways = families.filter((family) => addresses.some((one) => one.family === family) && options[`${family}.gateway`] !== "none")
    .map((family) => ({ family, address: hostAddressOf(options, family) }));
  return { addresses, gateways };
}

/** The same for a guest that runs. */
export function renderRoutedGuest(options: Config, name: string): string[] {
  const { addresses, gateways } = guestAddresses(options);
  return [
    ...addresses.map(({ family, address }) => `addr add ${address} dev ${name}${family === "ipv6" ? " nodad" : ""}`),
    ...gateways.flatMap(({ family, address }) => [
      ...(family === "ipv4" || !/^fe[89ab]/i.test(address) ? [`route add ${address}/${whole[family]} dev ${name}`] : []),
      `route add default via ${address} dev ${name}`,
    ]),
  ];
}
