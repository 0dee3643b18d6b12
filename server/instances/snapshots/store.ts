// The snapshots in the database. They go with their instance's row.
import { fail } from "../../api/errors.ts";
import type { Config, DeviceMap } from "../../api/schemas.ts";
import type { Db } from "../../db/open.ts";
import type { VolumeRecord } from "../../storage/driver.ts";
import type { InstanceRecord } from "../store.ts";

export interface SnapshotRecord {
  id: number;
  instanceId: number;
  name: string;
  architecture: string;
  ephemeral: boolean;
  description: string;
  config: Config;
  devices: DeviceMap;
  profiles: string[];
  /** In the instance's pool. */
  volume: VolumeRecord;
  createdAt: Date;
  /** undefined: never. */
  expiresAt: Date | undefined;
}

interface Row {
  id: number; instance_id: number; name: string; architecture: string; ephemeral: number; description: string; config: string; devices: string;
  profiles: string; image: string; volume: string; own: string; layers: string; created_at: number; expires_at: number;
}

function parse(row: Row): SnapshotRecord {
  return {
    id: row.id, instanceId: row.instance_id, name: row.name, architecture: row.architecture, ephemeral: row.ephemeral === 1,
    description: row.description, config: JSON.parse(row.config), devices: JSON.parse(row.devices), profiles: JSON.parse(row.profiles),
    volume: { kind: row.volume as VolumeRecord["kind"], image: row.image, own: row.own, layers: JSON.parse(row.layers) },
    createdAt: new Date(row.created_at), expiresAt: row.expires_at ? new Date(row.expires_at) : undefined,
  };
}

export class SnapshotStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  /** An instance's, in the order they were made. */
  list(instance: Pick<InstanceRecord, "id">): SnapshotRecord[] {
    return this.#db.prepare<unknown[], Row>("SELECT * FROM instance_snapshots WHERE instance_id = ? ORDER BY created_at, id").all(instance.id).map(parse);
  }

  find(instance: Pick<InstanceRecord, "id">, name: string): SnapshotRecord | undefined {
    const row = this.#db.prepare<unknown[], Row>("SELECT * FROM instance_snapshots WHERE instance_id = ? AND name = ?").get(instance.id, name);
    return row && parse(row);
  }

  /** Throws `snapshot_not_found`. */
  get(instance: Pick<InstanceRecord, "id">, name: string): SnapshotRecord {
    const record = this.find(instance, name);
    if (!record) throw fail("snapshot_not_found");
    return record;
  }

  /** Those of any instance that have expired by then, with their instances' ids. */
  expired(by: Date): SnapshotRecord[] {
    return this.#db.prepare<unknown[], Row>("SELECT * FROM instance_snapshots WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at").all(by.getTime()).map(parse);
  }

  insert(record: Omit<SnapshotRecord, "id">): void {
    this.#db.prepare(`INSERT INTO instance_snapshots (instance_id, name, architecture, ephemeral, description, config, devices, profiles,
      image, volume, own, layers, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(record.instanceId, record.name, record.architecture, record.ephemeral ? 1 : 0, record.description, JSON.stringify(record.config),
        JSON.stringify(record.devices), JSON.stringify(record.profiles), record.volume.image, record.volume.kind, record.volume.own,
        JSON.stringify(record.volume.layers), record.createdAt.getTime(), record.expiresAt?.getTime() ?? 0);
  }

  /** Writes what may change: its name, when it expires, and where its files lie. */
  save(record: SnapshotRecord): void {
    this.#db.prepare("UPDATE instance_snapshots SET name = ?, config = ?, devices = ?, image = ?, volume = ?, own = ?, layers = ?, expires_at = ? WHERE id = ?")
      .run(record.name, JSON.stringify(record.config), JSON.stringify(record.devices), record.volume.image, record.volume.kind, record.volume.own, JSON.stringify(record.volume.layers),
        record.expiresAt?.getTime() ?? 0, record.id);
  }

  remove(record: Pick<SnapshotRecord, "id">): void {
    this.#db.prepare("DELETE FROM instance_snapshots WHERE id = ?").run(record.id);
  }
}
