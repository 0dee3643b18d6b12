// The instances.
import type { InstanceFull } from "../../../server/api/instances.ts";
import { isCode } from "../../../server/api/errors.ts";
import { formatSizeIec } from "../../output/units.ts";
import { instanceActions } from "../actions/instances.ts";
import { instanceTabs } from "../details/instance.ts";
import type { Row, State } from "../state/model.ts";
import { sparkline } from "../text.ts";
import { type Column, listArguments, type Place, toneOf, type View } from "./view.ts";

export const instanceKey = (instance: Pick<InstanceFull, "project" | "name">) => `${instance.project}/${instance.name}`;

function addresses(instance: InstanceFull, family: "inet" | "inet6"): string {
  return Object.values(instance.state?.network ?? {}).filter(({ type }) => type !== "loopback")
    .flatMap((network) => network.addresses ?? []).filter((address) => address.family === family && address.scope === "global")
    .map(({ address }) => address).join(" ");
}

export function instanceRow(instance: InstanceFull): Row {
  return {
    key: instanceKey(instance), name: instance.name, project: instance.project, tone: toneOf(instance.status), value: instance,
    cells: {
      name: instance.name, project: instance.project, status: instance.status, ipv4: addresses(instance, "inet"), ipv6: addresses(instance, "inet6"),
      snapshots: String(instance.snapshots?.length ?? 0), profiles: (instance.profiles ?? []).join(","),
    },
  };
}

const usageOf = (row: Row, state: State) => state.usage.get(row.key);
const latest = (history: readonly number[]) => history.at(-1);

const columns: readonly Column[] = [
  { id: "name", title: "NAME", width: 12, grow: true },
  { id: "project", title: "PROJECT", width: 10, from: 100 },
  { id: "status", title: "STATE", width: 8 },
  { id: "ipv4", title: "IPV4", width: 15 },
  { id: "ipv6", title: "IPV6", width: 26, from: 130 },
  {
    id: "cpu", title: "CPU", width: 6, right: true,
    live: (row, state) => {
      const percent = latest(usageOf(row, state)?.cpuHistory ?? []);
      return percent === undefined ? "" : `${percent.toFixed(percent < 10 ? 1 : 0)}%`;
    },
  },
  { id: "memory", title: "MEMORY", width: 9, right: true, live: (row, state) => memoryText(usageOf(row, state)?.memory) },
  { id: "graph", title: "LATELY", width: 12, from: 90, live: (row, state, width) => sparkline(usageOf(row, state)?.cpuHistory ?? [], width, 100) },
  { id: "snapshots", title: "SNAP", width: 4, right: true, from: 76 },
  { id: "profiles", title: "PROFILES", width: 14, from: 116 },
];

function memoryText(bytes: number | undefined): string {
  return bytes ? formatSizeIec(bytes, 0) : "";
}

/** All instances with their states: what the daemon has in memory, so this is cheap. */
export async function loadInstances(place: Place): Promise<InstanceFull[]> {
  return (await place.client.listInstances({ ...listArguments(place), recursion: "2" })) as InstanceFull[];
}

export const instancesView: View = {
  id: "instances",
  title: "Instances",
  aliases: ["i", "list", "containers"],
  columns,
  concerns: /^instance-/,
  load: async (place) => (await loadInstances(place)).map(instanceRow),
  reload: async ({ client }, source) => {
    const name = /^\/1\.0\/instances\/([^/]+)/.exec(source.pathname)?.[1];
    if (name === undefined) return undefined;
    const project = source.searchParams.get("project") ?? "default";
    const key = instanceKey({ project, name: decodeURIComponent(name) });
    try {
      return { key, row: instanceRow((await client.getInstance({ name: decodeURIComponent(name), project, recursion: "1" })) as InstanceFull) };
    } catch (error) {
      if (isCode(error, "instance_not_found")) return { key, row: undefined };
      throw error;
    }
  },
  actions: instanceActions,
  tabs: instanceTabs,
};
