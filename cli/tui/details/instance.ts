// The details of an instance, a page each.
import type { InstanceFull } from "../../../server/api/instances.ts";
import { formatLocal, formatSizeIec, isTimeSet } from "../../output/units.ts";
import type { Row } from "../state/model.ts";
import type { Place, Tab } from "../views/view.ts";
import { pair, pairs, readText, section } from "./lines.ts";

async function read({ client }: Place, row: Row): Promise<InstanceFull> {
  return (await client.getInstance({ name: row.name, project: row.project, recursion: "1" })) as InstanceFull;
}

const time = (value: string) => (isTimeSet(value) ? formatLocal(value) : "never");

function overview(it: InstanceFull): string[] {
  const { state } = it;
  const running = state && state.pid > 0;
  return [
    pair("Name", it.name), pair("Project", it.project), pair("State", it.status), pair("Description", it.description), pair("Architecture", it.architecture),
    pair("Type", it.ephemeral ? "container, ephemeral" : "container"), pair("Profiles", (it.profiles ?? []).join(", ")), pair("Created", time(it.created_at)),
    pair("Last used", time(it.last_used_at)),
    ...(running ? [
      "", pair("Init", `process ${state.pid}`), pair("Processes", String(state.processes)), pair("Processor time", `${(state.cpu.usage / 1e9).toFixed(1)} s`),
      pair("Memory", `${formatSizeIec(state.memory.usage)}${state.memory.usage_peak > 0 ? `, at most ${formatSizeIec(state.memory.usage_peak)}` : ""}`),
    ] : []),
    ...Object.entries(state?.disk ?? {}).map(([name, { usage }]) => pair(`Disk ${name}`, formatSizeIec(usage))),
  ];
}

function network(it: InstanceFull): string[] {
  return Object.entries(it.state?.network ?? {}).flatMap(([name, card]) => [
    ...section(name),
    pair("State", card.state), pair("MAC address", card.hwaddr), pair("Host interface", card.host_name), pair("MTU", String(card.mtu)),
    pair("Received", `${formatSizeIec(card.counters.bytes_received)}, ${card.counters.packets_received} packets`),
    pair("Sent", `${formatSizeIec(card.counters.bytes_sent)}, ${card.counters.packets_sent} packets`),
    ...(card.addresses ?? []).map(({ family, address, netmask, scope }) => pair(family === "inet" ? "IPv4" : "IPv6", `${address}/${netmask} (${scope})`)),
  ]);
}

/** Every key that holds, and who says so: the instance, or the last of its profiles that does. */
async function config(place: Place, row: Row): Promise<string[]> {
  const it = await read(place, row);
  const profiles = await Promise.all((it.profiles ?? []).map((name) => place.client.getProfile({ name, project: row.project }).catch(() => undefined)));
  const sourceOf = (key: string) => (key in it.config ? "" : `profile ${profiles.findLast((profile) => profile && key in profile.config)?.name ?? "?"}`);
  const width = Math.max(0, ...Object.keys(it.expanded_config).map((key) => key.length));
  return Object.entries(it.expanded_config).sort().flatMap(([key, value]) => {
    const [first = "", ...more] = value.split("\n");
    const source = sourceOf(key);
    return [`${key.padEnd(width)}  ${first}${source ? `   (${source})` : ""}`, ...more.map((line) => `${" ".repeat(width)}  ${line}`)];
  });
}

export const instanceTabs: readonly Tab[] = [
  { title: "Overview", load: async (place, row) => overview(await read(place, row)) },
  { title: "Configuration", load: config },
  {
    title: "Devices",
    load: async (place, row) => {
      const it = await read(place, row);
      return Object.entries(it.expanded_devices).flatMap(([name, device]) => [...section(`${name}${name in it.devices ? "" : "   (from a profile)"}`), ...pairs(device)]);
    },
  },
  {
    title: "Snapshots",
    load: async (place, row) => ((await read(place, row)).snapshots ?? []).map(({ name, created_at, expires_at }) =>
      `${name.padEnd(24)} ${time(created_at)}${expires_at && isTimeSet(expires_at) ? `, expires ${time(expires_at)}` : ""}`),
  },
  { title: "Network", load: async (place, row) => network(await read(place, row)) },
  { title: "Console log", load: ({ client }, row) => readText(client.getConsoleLog({ name: row.name, project: row.project })) },
  { title: "Log", load: ({ client }, row) => readText(client.getInstanceLog({ name: row.name, file: "lxc.log", project: row.project })) },
];
