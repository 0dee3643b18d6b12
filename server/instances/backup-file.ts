// backup.yaml beside each instance: all that is known of it, so that it can be told from its folder alone.
import { renameSync, writeFileSync } from "node:fs";
import { dump } from "js-yaml";
import type { Context } from "../context.ts";
import { viewSnapshots } from "./snapshots/view.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { viewInstance } from "./view.ts";

export function writeBackupFile(ctx: Context, instance: InstanceRecord): void {
  const pool = ctx.pools.get(instance.pool);
  const folder = ctx.pools.driver(instance.pool).folder(systemNameOf(instance));
  const profiles = instance.profiles.flatMap((name) => ctx.profiles.find(instance.project, name) ?? []);
  const content = {
    container: viewInstance(ctx, instance),
    snapshots: viewSnapshots(ctx, instance) ?? [],
    pool: { name: pool.name, driver: pool.driver, description: pool.description, config: pool.config },
    profiles: profiles.map(({ name, description, config, devices }) => ({ name, description, config, devices })),
    volume: { name: instance.name, type: "container", content_type: "filesystem", config: {}, layers: instance.volume },
  };
  const file = `${folder}/backup.yaml`;
  writeFileSync(`${file}.new`, dump(content, { lineWidth: -1, noRefs: true }), { mode: 0o400 });
  renameSync(`${file}.new`, file);
}
