// berth config explain: which profile has set what of an instance, and what it has overridden
import type { Profile } from "../../../server/api/profiles.ts";
import type { Instance } from "../../../server/api/instances.ts";
import { defineCommand, formatFlag } from "../../command.ts";
import { CliError } from "../../errors.ts";

/** One value of a key or device, and who gives it. */
export interface Origin {
  key: string;
  value: string;
  from: string;
  /** Those that are not in force, the nearest first: `2 (profile small)`. */
  instead_of: string[];
}

type Layer = { from: string; values: Readonly<Record<string, string>> };

function explainLayers(layers: readonly Layer[]): Origin[] {
  const keys = [...new Set(layers.flatMap(({ values }) => Object.keys(values)))].sort();
  return keys.map((key) => {
    const [winner, ...others] = layers.filter(({ values }) => Object.hasOwn(values, key)).reverse();
    return { key, value: winner?.values[key] ?? "", from: winner?.from ?? "", instead_of: others.map(({ from, values }) => `${values[key]} (${from})`) };
  });
}

const flatten = (devices: Instance["devices"]) =>
  Object.fromEntries(Object.entries(devices ?? {}).map(([name, keys]) => [name, Object.entries(keys).sort().map(([key, value]) => `${key}=${value}`).join(" ")]));

/** Where all of an instance comes from: its profiles in their order, then its own. Keys that the server keeps are left out. */
export function explain(instance: Pick<Instance, "config" | "devices">, profiles: readonly Pick<Profile, "name" | "config" | "devices">[]): Origin[] {
  const own = Object.fromEntries(Object.entries(instance.config).filter(([key]) => !/^(volatile|image)\./.test(key)));
  const config = [...profiles.map((it) => ({ from: `profile ${it.name}`, values: it.config })), { from: "instance", values: own }];
  const devices = [...profiles.map((it) => ({ from: `profile ${it.name}`, values: flatten(it.devices) })), { from: "instance", values: flatten(instance.devices) }];
  return [...explainLayers(config), ...explainLayers(devices).map((origin) => ({ ...origin, key: `device ${origin.key}` }))];
}

export const configExplainCommand = defineCommand({
  name: "explain",
  usage: "<instance> [<key>]",
  summary: "Show where an instance's configuration comes from",
  description: `Show where an instance's configuration comes from

For each key and device: the value in force, the profile that gives it or "instance", and what it stands in for.`,
  examples: `berth config explain web
berth config explain web limits.memory`,
  args: [1, 2],
  flags: { format: formatFlag },
  async run(ctx, [argument, key], flags) {
    const { server, name } = ctx.resolve(argument, "instance");
    const instance = await server.client.getInstance({ name });
    const profiles = await Promise.all((instance.profiles ?? []).map((profile) => server.client.getProfile({ name: profile })));
    const origins = explain(instance, profiles).filter((origin) => key === undefined || origin.key === key || origin.key === `device ${key}`);
    if (key !== undefined && origins.length === 0) throw new CliError(`Nothing sets "${key}" for "${name}"`, { hint: "the default is in force: see the reference of keys." });
    await ctx.list(flags.format, async () => ({
      header: ["KEY", "VALUE", "FROM", "INSTEAD OF"],
      rows: origins.map((it) => [it.key, it.value, it.from, it.instead_of.join("\n")]),
      raw: origins, shape: { struct: { key: "value", value: "value", from: "value", instead_of: "list" } },
    }));
  },
});
