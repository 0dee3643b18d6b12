// Finds an address in a network's ranges that nobody has.
import { formatIp } from "../../api/config-keys/ip.ts";
import { readIp } from "../../../networks/addresses/subnet.ts";
import type { FamilySettings } from "../../../networks/settings.ts";

/** The first address of the ranges that is not taken; undefined when all are. Pure. */
export function freeAddress({ family, cidr, ranges }: Pick<FamilySettings, "family" | "cidr" | "ranges">, taken: ReadonlySet<string>): string | undefined {
  for (const [first, last] of ranges) {
    const end = readIp(last).value;
    for (let value = readIp(first).value; value <= end; value++) {
      const address = formatIp({ family, value });
      if (value !== cidr.value && !taken.has(address)) return address;
    }
  }
  return undefined;
}
