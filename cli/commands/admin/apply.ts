// Brings a preseed about: what is missing is created, what differs is changed, all else is let be.
import type { Network } from "../../../server/api/networks.ts";
import type { Profile } from "../../../server/api/profiles.ts";
import type { DeviceMap } from "../../../server/api/schemas.ts";
import type { StoragePool } from "../../../server/api/storage.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import type { Preseed, PreseedNetwork, PreseedPool, PreseedProfile } from "./preseed.ts";

/** What the server has now. */
export interface Current {
  config: Record<string, unknown>;
  networks: Network[];
  pools: StoragePool[];
  profiles: Profile[];
}

export async function readCurrent(ctx: Context): Promise<Current> {
  const [server, networks, pools, profiles] = await Promise.all([
    ctx.client.getServer(), ctx.client.listNetworks({ recursion: "1" }), ctx.client.listStoragePools({ recursion: "1" }), ctx.client.listProfiles({ recursion: "1" }),
  ]);
  return { config: server.config ?? {}, networks: networks as Network[], pools: pools as StoragePool[], profiles: profiles as Profile[] };
}

/** One change to be made, with the sentence that tells of it. */
interface Step {
  done: string;
  failed: string;
  run(): Promise<unknown>;
}

/** Does what is to be done; resolves to what was. Stops at the first failure. */
export async function applyPreseed(ctx: Context, preseed: Preseed, current: Current): Promise<string[]> {
  const steps = [
    ...configSteps(ctx, preseed, current),
    ...preseed.storage_pools.flatMap((pool) => poolSteps(ctx, pool, current)),
    ...preseed.networks.flatMap((network) => networkSteps(ctx, network, current)),
    ...preseed.profiles.flatMap((profile) => profileSteps(ctx, profile, current)),
  ];
  for (const { failed, run } of steps) {
    await run().catch((error: unknown) => {
      throw prefixed(failed, error);
    });
  }
  return steps.map((step) => step.done);
}

/** `auto` is met by any address: the server has put one in its place. */
function differs(wanted: Record<string, string>, present: Record<string, unknown>): boolean {
  return Object.entries(wanted).some(([key, value]) => String(present[key] ?? "") !== value && !(value === "auto" && present[key]));
}

function configSteps(ctx: Context, { config }: Preseed, current: Current): Step[] {
  if (!differs(config, current.config)) return [];
  return [{
    done: "Server configuration updated", failed: "Failed to update server configuration",
    run: () => ctx.client.patchServerConfig({ body: { config } }),
  }];
}

function poolSteps(ctx: Context, pool: PreseedPool, { pools }: Current): Step[] {
  const { name, description, config } = pool;
  const present = pools.find((it) => it.name === name);
  if (!present) {
    return [{ done: `Storage pool ${name} created`, failed: `Failed to create storage pool "${name}"`, run: () => ctx.client.createStoragePool({ body: pool }) }];
  }
  if (present.driver !== pool.driver) throw new CliError(`Storage pool "${name}" is of type "${present.driver}" instead of "${pool.driver}"`);
  if (!differs(config, present.config) && (description === "" || description === present.description)) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description };
  return [{ done: `Storage pool ${name} updated`, failed: `Failed to update storage pool "${name}"`, run: () => ctx.client.replaceStoragePool({ name, body }) }];
}

function networkSteps(ctx: Context, network: PreseedNetwork, { networks }: Current): Step[] {
  const { name, description, config } = network;
  const present = networks.find((it) => it.name === name && it.managed);
  if (!present) {
    return [{ done: `Network ${name} created`, failed: `Failed to create network "${name}"`, run: () => ctx.client.createNetwork({ body: network }) }];
  }
  if (!differs(config, present.config) && (description === "" || description === present.description)) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description };
  return [{ done: `Network ${name} updated`, failed: `Failed to update network "${name}"`, run: () => ctx.client.replaceNetwork({ name, body }) }];
}

function profileSteps(ctx: Context, profile: PreseedProfile, { profiles }: Current): Step[] {
  const { name, description, config } = profile;
  const present = profiles.find((it) => it.name === name);
  if (!present) {
    return [{ done: `Profile ${name} created`, failed: `Failed to create profile "${name}"`, run: () => ctx.client.createProfile({ body: profile }) }];
  }
  const devices: DeviceMap = { ...present.devices };
  let changed = differs(config, present.config) || (description !== "" && description !== present.description);
  for (const [device, keys] of Object.entries(profile.devices)) {
    changed ||= differs(keys, devices[device] ?? {});
    devices[device] = { ...devices[device], ...keys };
  }
  if (!changed) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description, devices };
  return [{ done: `Profile ${name} updated`, failed: `Failed to update profile "${name}"`, run: () => ctx.client.replaceProfile({ name, body }) }];
}
