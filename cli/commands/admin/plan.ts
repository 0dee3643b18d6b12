// What `admin init` wants when nobody says more: one pool, one bridge, and a default profile with both.
import type { Profile } from "../../../server/api/profiles.ts";
import type { Current } from "./apply.ts";
import { emptyPreseed, type Preseed } from "./preseed.ts";

/** Empty texts mean: whatever is there already, or else the usual. */
export interface Wishes {
  pool: string;
  /** The driver of a pool that is to be made. */
  backend: string;
  /** Where it lies: a disk, or a folder; or else in a file of so many GiB. */
  source: string;
  size: string;
  network: string;
  ipv4: string;
  ipv6: string;
  /** Where the server is to listen on the network: address and port. */
  listen: string;
  /** By which clients may come to be trusted. */
  password: string;
}

export const noWishes: Wishes = { pool: "", backend: "", source: "", size: "", network: "", ipv4: "", ipv6: "", listen: "", password: "" };

export const usualPool = "default";
export const usualNetwork = "berthbr0";

const given = (keys: Record<string, string>) => Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== ""));

const devicesOf = (profile: Profile | undefined) => Object.values(profile?.devices ?? {});

/** The preseed for these wishes. What the default profile has already is not taken from it. */
export function planSetup(wishes: Wishes, current: Current): Preseed {
  const profile = current.profiles.find((it) => it.name === "default");
  const root = devicesOf(profile).find((device) => device["type"] === "disk" && device["path"] === "/");
  const nic = devicesOf(profile).find((device) => device["type"] === "nic");
  const preseed = emptyPreseed();
  preseed.config = given({ "core.https_address": wishes.listen, "core.trust_password": wishes.password });

  const pool = wishes.pool || root?.["pool"] || usualPool;
  const present = current.pools.find((it) => it.name === pool);
  if (!present || (wishes.backend !== "" && wishes.backend !== present.driver)) {
    const config = given({ source: wishes.source, size: wishes.size && `${wishes.size}GiB` });
    preseed.storage_pools.push({ name: pool, driver: wishes.backend || "dir", description: "", config });
  }

  const network = wishes.network || (nic ? (nic["network"] ?? "") : usualNetwork);
  const addresses = given({ "ipv4.address": wishes.ipv4, "ipv6.address": wishes.ipv6 });
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
