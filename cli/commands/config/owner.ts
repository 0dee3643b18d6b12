// What has devices: instances and profiles, read together with the way to change them.
import type { DeviceMap } from "../../../server/api/schemas.ts";
import type { Target } from "../../context.ts";
import { writableInstance } from "../../writable.ts";

/** Something that has devices. */
export interface Owner {
  devices: DeviceMap;
  /** With those of its profiles; profiles have none. */
  expanded: DeviceMap;
  save(devices: DeviceMap): Promise<void>;
}
export type ReadOwner = (target: Target) => Promise<Owner>;

export async function readInstance({ server, name }: Target): Promise<Owner> {
  const { value, headers } = await server.readForChange(() => server.client.getInstance({ name }));
  return {
    devices: value.devices ?? {}, expanded: value.expanded_devices ?? {},
    save: async (devices) => {
      await server.follow(await server.client.replaceInstance({ name, headers, body: { ...writableInstance(value), devices } }));
    },
  };
}

export async function readProfile({ server, name }: Target): Promise<Owner> {
  const { value, headers } = await server.readForChange(() => server.client.getProfile({ name }));
  const { config, description, devices } = value;
  return {
    devices: devices ?? {}, expanded: {},
    save: (changed) => server.client.replaceProfile({ name, headers, body: { config, description, devices: changed } }),
  };
}
