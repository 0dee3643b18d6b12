// What `admin init` wants when nobody says more: one pool, one bridge, and a default profile with both.
import type { Profile } from "../../../server/api/profiles.ts";
import type { Current } from "./apply.ts";
import { emptyPreseed, type Preseed } from "./preseed.ts";

/** Empty texts mean: whatever is there already, or else the usual. */
export interface Wishes {
  pool: string;
  network: string;
  ipv4: string;
  ipv6: string;
}

export const usualPool = "default";
export const usualNetwork = "berthbr0";

const devicesOf = (profile: Profile | undefined) => Object.values(profile?.devices ?? {});

/** The preseed for these wishes. What the default profile has already is not taken from it. */
export function planSetup(wishes: Wishes, current: Current): Preseed {
  const profile = current.profiles.find((it) => it.name === "default");
  const root = devicesOf(profile).find((device) => device["type"] === "disk" && device["path"] === "/");
  const nic = devicesOf(profile).find((device) => device["type"] === "nic");
  const preseed = emptyPreseed();

  const pool = wishes.pool || root?.["pool"] || usualPool;
  if (!current.pools.some((it) => it.name === pool)) preseed.storage_pools.push({ name: pool, driver: "dir", description: "", config: {} });

  const network = wishes.network || (nic ? (nic["network"] ?? "") : usualNetwork);
  const addresses = Object.fromEntries([["ipv4.address", wishes.ipv4], ["ipv6.address", wishes.ipv6]].filter(([, value]) => value !== ""));
  const isThere = current.networks.some((it) => it.name === network && it.managed);
  if (network !== "" && (!isThere || Object.keys(addresses).length > 0)) {
    preseed.networks.push({ name: network, type: isThere ? "" : "bridge", description: "", config: addresses });
  }

  preseed.profiles.push({
    name: "default", description: "", config: {},
    devices: {
      ...(root && wishes.pool === "" ? {} : { root: { type: "disk", path: "/", pool } }),
      ...(network === "" || (nic && wishes.network === "") ? {} : { eth0: { type: "nic", name: "eth0", network } }),
    },
  });
  return preseed;
}
