// Networks, storage pools and profiles: what instances use.
import type { Network } from "../../../server/api/networks.ts";
import type { Profile } from "../../../server/api/profiles.ts";
import type { StoragePool } from "../../../server/api/storage.ts";
import { formatSizeIec } from "../../output/units.ts";
import { pair, pairs, section } from "../details/lines.ts";
import type { Row } from "../state/model.ts";
import { projectWords, toneOf, type View } from "./view.ts";

const usedBy = (urls: readonly string[]) => [...section(`Used by ${urls.length}`), ...urls.map((url) => `  ${url.replace(/^\/1\.0\//, "")}`)];
const networkOf = (row: Row) => row.value as Network;
const poolOf = (row: Row) => row.value as StoragePool;
const profileOf = (row: Row) => row.value as Profile;

export const networksView: View = {
  id: "networks",
  title: "Networks",
  aliases: ["net"],
  concerns: /^network-/,
  columns: [
    { id: "name", title: "NAME", width: 14, grow: true }, { id: "type", title: "TYPE", width: 9 }, { id: "managed", title: "MANAGED", width: 7 },
    { id: "ipv4", title: "IPV4", width: 18 }, { id: "ipv6", title: "IPV6", width: 26, from: 100 }, { id: "used", title: "USED BY", width: 7, right: true },
    { id: "status", title: "STATE", width: 11, from: 84 },
  ],
  load: async ({ client, project }) => ((await client.listNetworks({ recursion: "1", project })) as Network[]).map((network) => ({
    key: network.name, name: network.name, project, tone: network.managed ? toneOf(network.status) : "dim", value: network,
    cells: {
      name: network.name, type: network.type, managed: network.managed ? "yes" : "no", ipv4: network.config["ipv4.address"] ?? "",
      ipv6: network.config["ipv6.address"] ?? "", used: String(network.used_by.length), status: network.status,
    },
  })),
  actions: [{
    id: "delete", key: "d", does: "delete", when: (row) => networkOf(row).managed, confirm: (rows) => `Delete ${rows.map(({ name }) => name).join(", ")}?`,
    command: (rows) => ["network", "delete", ...rows.map(({ name }) => name)], run: (client, { name, project }) => client.deleteNetwork({ name, project }),
  }],
  tabs: [
    { title: "Overview", load: (_, row) => [pair("Description", networkOf(row).description), ...section("Configuration"), ...pairs(networkOf(row).config), ...usedBy(networkOf(row).used_by)] },
    {
      title: "Leases",
      load: async ({ client }, row) => (networkOf(row).managed ? await client.listNetworkLeases({ name: row.name, project: row.project }) : [])
        .map(({ hostname, address, hwaddr, type }) => `${hostname.padEnd(24)} ${address.padEnd(40)} ${hwaddr.padEnd(18)} ${type}`),
    },
  ],
};

export const storageView: View = {
  id: "storage",
  title: "Storage",
  aliases: ["pools"],
  concerns: /^storage-pool-/,
  columns: [
    { id: "name", title: "NAME", width: 14, grow: true }, { id: "driver", title: "DRIVER", width: 8 }, { id: "space", title: "USED / TOTAL", width: 24 },
    { id: "used", title: "USED BY", width: 7, right: true }, { id: "status", title: "STATE", width: 11 },
  ],
  load: async ({ client, project }) => Promise.all(((await client.listStoragePools({ recursion: "1" })) as StoragePool[]).map(async (pool): Promise<Row> => {
    const resources = await client.getStoragePoolResources({ name: pool.name }).catch(() => undefined);
    return {
      key: pool.name, name: pool.name, project, tone: toneOf(pool.status), value: pool,
      cells: {
        name: pool.name, driver: pool.driver, used: String(pool.used_by.length), status: pool.status,
        space: resources ? `${formatSizeIec(resources.space.used)} / ${formatSizeIec(resources.space.total)}` : "",
      },
    };
  })),
  actions: [],
  tabs: [{ title: "Overview", load: (_, row) => [pair("Description", poolOf(row).description), pair("Space", row.cells["space"] ?? ""), ...section("Configuration"), ...pairs(poolOf(row).config), ...usedBy(poolOf(row).used_by)] }],
};

export const profilesView: View = {
  id: "profiles",
  title: "Profiles",
  aliases: ["prof"],
  concerns: /^profile-/,
  columns: [{ id: "name", title: "NAME", width: 16, grow: true }, { id: "description", title: "DESCRIPTION", width: 24, grow: true }, { id: "used", title: "USED BY", width: 7, right: true }],
  load: async ({ client, project }) => ((await client.listProfiles({ recursion: "1", project })) as Profile[]).map((profile) => ({
    key: profile.name, name: profile.name, project, tone: "plain", value: profile,
    cells: { name: profile.name, description: profile.description, used: String(profile.used_by.length) },
  })),
  actions: [{
    id: "delete", key: "d", does: "delete", when: (row) => row.name !== "default", confirm: (rows) => `Delete ${rows.map(({ name }) => name).join(", ")}?`,
    command: (rows) => ["profile", "delete", ...rows.map(({ name }) => name), ...(rows[0] ? projectWords(rows[0]) : [])],
    run: (client, { name, project }) => client.deleteProfile({ name, project }),
  }],
  tabs: [{
    title: "Overview",
    load: (_, row) => {
      const { config, devices, used_by } = profileOf(row);
      return [...section("Configuration"), ...pairs(config), ...Object.entries(devices).flatMap(([name, device]) => [...section(`Device ${name}`), ...pairs(device)]), ...usedBy(used_by)];
    },
  }],
};
