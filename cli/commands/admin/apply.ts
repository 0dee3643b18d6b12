// Brings a preseed about: what is missing is created, what differs is changed, all else is let be.
import type { Network } from "../../../server/api/networks.ts";
import type { Profile } from "../../../server/api/profiles.ts";
import type { Project } from "../../../server/api/projects.ts";
import type { DeviceMap } from "../../../server/api/schemas.ts";
import type { StoragePool } from "../../../server/api/storage.ts";
import { CliError, prefixed } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import type { Preseed, PreseedNetwork, PreseedPool, PreseedProfile, PreseedProject } from "./preseed.ts";

/** What the server has now. */
export interface Current {
  config: Record<string, unknown>;
  networks: Network[];
  pools: StoragePool[];
  profiles: Profile[];
  projects: Project[];
}

export async function readCurrent(server: Server): Promise<Current> {
  const [{ config }, networks, pools, profiles, projects] = await Promise.all([
    server.client.getServer(), server.client.listNetworks({ recursion: "1" }), server.client.listStoragePools({ recursion: "1" }), server.client.listProfiles({ recursion: "1" }),
    server.client.listProjects({ recursion: "1" }),
  ]);
  return { config: config ?? {}, networks: networks as Network[], pools: pools as StoragePool[], profiles: profiles as Profile[], projects: projects as Project[] };
}

/** One change to be made, with the sentence that tells of it. */
interface Step {
  done: string;
  failed: string;
  run(): Promise<unknown>;
}

/** Does what is to be done; resolves to what was. Stops at the first failure. */
export async function applyPreseed(server: Server, preseed: Preseed, current: Current): Promise<string[]> {
  const steps = [
    ...configSteps(server, preseed, current),
    ...preseed.storage_pools.flatMap((pool) => poolSteps(server, pool, current)),
    ...preseed.networks.flatMap((network) => networkSteps(server, network, current)),
    ...preseed.projects.flatMap((project) => projectSteps(server, project, current)),
    ...preseed.profiles.flatMap((profile) => profileSteps(server, profile, current)),
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

function configSteps(server: Server, { config }: Preseed, current: Current): Step[] {
  if (!differs(config, current.config)) return [];
  return [{
    done: "Server configuration updated", failed: "Failed to update server configuration",
    run: () => server.client.patchServerConfig({ body: { config } }),
  }];
}

function poolSteps(server: Server, pool: PreseedPool, { pools }: Current): Step[] {
  const { name, description, config } = pool;
  const present = pools.find((it) => it.name === name);
  if (!present) {
    return [{ done: `Storage pool ${name} created`, failed: `Failed to create storage pool "${name}"`, run: () => server.client.createStoragePool({ body: pool }) }];
  }
  if (present.driver !== pool.driver) throw new CliError(`Storage pool "${name}" is of type "${present.driver}" instead of "${pool.driver}"`);
  if (!differs(config, present.config) && (description === "" || description === present.description)) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description };
  return [{ done: `Storage pool ${name} updated`, failed: `Failed to update storage pool "${name}"`, run: () => server.client.replaceStoragePool({ name, body }) }];
}

function networkSteps(server: Server, network: PreseedNetwork, { networks }: Current): Step[] {
  const { name, description, config } = network;
  const present = networks.find((it) => it.name === name && it.managed);
  if (!present) {
    return [{ done: `Network ${name} created`, failed: `Failed to create network "${name}"`, run: () => server.client.createNetwork({ body: network }) }];
  }
  if (!differs(config, present.config) && (description === "" || description === present.description)) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description };
  return [{ done: `Network ${name} updated`, failed: `Failed to update network "${name}"`, run: () => server.client.replaceNetwork({ name, body }) }];
}

function projectSteps(server: Server, project: PreseedProject, { projects }: Current): Step[] {
  const { name, description, config } = project;
  const present = projects.find((it) => it.name === name);
  if (!present) {
    return [{ done: `Project ${name} created`, failed: `Failed to create project "${name}"`, run: () => server.client.createProject({ body: project }) }];
  }
  if (!differs(config, present.config) && (description === "" || description === present.description)) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description };
  return [{ done: `Project ${name} updated`, failed: `Failed to update project "${name}"`, run: () => server.client.replaceProject({ name, body }) }];
}

function profileSteps(server: Server, profile: PreseedProfile, { profiles }: Current): Step[] {
  const { name, description, config } = profile;
  const present = profiles.find((it) => it.name === name);
  if (!present) {
    return [{ done: `Profile ${name} created`, failed: `Failed to create profile "${name}"`, run: () => server.client.createProfile({ body: profile }) }];
  }
  const devices: DeviceMap = { ...present.devices };
  let changed = differs(config, present.config) || (description !== "" && description !== present.description);
  for (const [device, keys] of Object.entries(profile.devices)) {
    changed ||= differs(keys, devices[device] ?? {});
    devices[device] = { ...devices[device], ...keys };
  }
  if (!changed) return [];
  const body = { config: { ...present.config, ...config }, description: description || present.description, devices };
  return [{ done: `Profile ${name} updated`, failed: `Failed to update profile "${name}"`, run: () => server.client.replaceProfile({ name, body }) }];
}
