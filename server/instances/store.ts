// The instances in the database.
import { fail } from "../api/errors.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { Db } from "../db/open.ts";
import type { Volume, VolumeRecord } from "../storage/driver.ts";
import { systemName } from "../paths.ts";

export const phases = ["creating", "ready", "deleting"] as const;
export type Phase = (typeof phases)[number];

export interface InstanceRecord {
  id: number;
  project: string;
  name: string;
  phase: Phase;
  architecture: string;
  ephemeral: boolean;
  description: string;
  config: Config;
  devices: DeviceMap;
  profiles: string[];
  pool: string;
  volume: VolumeRecord;
  unfinished: Unfinished;
  createdAt: Date;
  lastUsedAt: Date | undefined;
}

/** Without a time it is made now. */
export type NewInstance = Omit<InstanceRecord, "id" | "unfinished" | "createdAt" | "lastUsedAt"> & { createdAt?: Date | undefined };

/** What is decided in the database and not yet done on disk: whoever finds it does it (again). */
export interface Unfinished {
  /** System name of before: files still have to be moved from it. */
  renamedFrom?: string;
  /** Its files are to be replaced by those that wait in the pool under this id. */
  replaceBy?: string;
  /** A folder of this name in a pool is to be removed: it moved from there, or did not get there. */
  leftover?: { pool: string; name: string };
  /** Folders of pools that it is about to need. */
  pins?: string[];
}

interface Row {
  id: number; project: string; name: string; phase: Phase; architecture: string; ephemeral: number; description: string;
  config: string; devices: string; profiles: string; pool: string; image: string; volume: string;
  own: string; layers: string; unfinished: string; created_at: number; last_used_at: number;
}

const columns = `instances.id, projects.name AS project, instances.name, phase, architecture, ephemeral, instances.description,
  instances.config, devices, profiles, pool, image, volume, own, layers, unfinished, created_at, last_used_at`;
const from = "FROM instances JOIN projects ON projects.id = project_id";

function parse(row: Row): InstanceRecord {
  return {
    id: row.id, project: row.project, name: row.name, phase: row.phase, architecture: row.architecture, ephemeral: row.ephemeral === 1,
    description: row.description, config: JSON.parse(row.config), devices: JSON.parse(row.devices), profiles: JSON.parse(row.profiles),
    pool: row.pool, volume: { kind: row.volume as VolumeRecord["kind"], image: row.image, own: row.own, layers: JSON.parse(row.layers) },
    unfinished: JSON.parse(row.unfinished),
    createdAt: new Date(row.created_at), lastUsedAt: row.last_used_at ? new Date(row.last_used_at) : undefined,
  };
}

/** The name on disk and for liblxc. */
export function systemNameOf(record: Pick<InstanceRecord, "project" | "name">): string {
  return systemName(record.project, record.name);
}

/** The project and the name that a name on disk stands for: instances' names have no underscore. */
export function nameParts(systemName: string): Pick<InstanceRecord, "project" | "name"> {
  const at = systemName.lastIndexOf("_");
  return at < 0 ? { project: "default", name: systemName } : { project: systemName.slice(0, at), name: systemName.slice(at + 1) };
}

export function volumeOf(record: InstanceRecord): Volume {
  return { ...record.volume, pool: record.pool, name: systemNameOf(record) };
}

export class InstanceStore {
  readonly #db: Db;
  /** What is being read. */
  readonly #read = new Set<VolumeRecord & { pool: string }>();
  constructor(db: Db) {
    this.#db = db;
  }

  /** All in one project, or in all; also those half-made when `phase` asks for them. */
  list(project?: string, phase: Phase = "ready"): InstanceRecord[] {
    const rows = project === undefined
      ? this.#db.prepare<unknown[], Row>(`SELECT ${columns} ${from} WHERE phase = ? ORDER BY instances.name`).all(phase)
      : this.#db.prepare<unknown[], Row>(`SELECT ${columns} ${from} WHERE phase = ? AND projects.name = ? ORDER BY instances.name`).all(phase, project);
    return rows.map(parse);
  }

  find(project: string, name: string): InstanceRecord | undefined {
    const row = this.#db.prepare<unknown[], Row>(`SELECT ${columns} ${from} WHERE projects.name = ? AND instances.name = ?`).get(project, name);
    return row && parse(row);
  }

  findById(id: number): InstanceRecord | undefined {
    const row = this.#db.prepare<unknown[], Row>(`SELECT ${columns} ${from} WHERE instances.id = ? AND phase = 'ready'`).get(id);
    return row && parse(row);
  }

  /** By the name on disk and for liblxc. */
  findBySystemName(systemName: string): InstanceRecord | undefined {
    const { project, name } = nameParts(systemName);
    const record = this.find(project, name);
    return record?.phase === "ready" ? record : undefined;
  }

  /** Throws `instance_not_found`, also while it is being made. */
  get(project: string, name: string): InstanceRecord {
    const record = this.find(project, name);
    if (!record || record.phase === "creating") throw fail("instance_not_found");
    return record;
  }

  /** Takes the name. Throws `instance_exists`. */
  insert(record: NewInstance): InstanceRecord {
    const insert = this.#db.transaction(() => {
      if (this.find(record.project, record.name)) throw fail("instance_exists", { name: record.name });
      return this.#db.prepare(`INSERT INTO instances (project_id, name, phase, architecture, ephemeral, description, config, devices, profiles,
        pool, image, volume, own, layers, created_at, last_used_at) VALUES ((SELECT id FROM projects WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`)
        .run(record.project, record.name, record.phase, record.architecture, record.ephemeral ? 1 : 0, record.description,
          JSON.stringify(record.config), JSON.stringify(record.devices), JSON.stringify(record.profiles), record.pool,
          record.volume.image, record.volume.kind, record.volume.own, JSON.stringify(record.volume.layers), record.createdAt?.getTime() ?? Date.now());
    });
    insert();
    const made = this.find(record.project, record.name);
    if (!made) throw fail("instance_not_found");
    return made;
  }

  /** Writes all that may change. */
  save(record: InstanceRecord): void {
    this.#db.prepare(`UPDATE instances SET project_id = (SELECT id FROM projects WHERE name = ?), name = ?, phase = ?, architecture = ?, ephemeral = ?, description = ?, config = ?, devices = ?,
      profiles = ?, pool = ?, image = ?, volume = ?, own = ?, layers = ?, unfinished = ?, last_used_at = ? WHERE id = ?`)
      .run(record.project, record.name, record.phase, record.architecture, record.ephemeral ? 1 : 0, record.description, JSON.stringify(record.config),
        JSON.stringify(record.devices), JSON.stringify(record.profiles), record.pool, record.volume.image, record.volume.kind,
        record.volume.own, JSON.stringify(record.volume.layers), JSON.stringify(record.unfinished), record.lastUsedAt?.getTime() ?? 0, record.id);
  }

  remove(record: InstanceRecord): void {
    this.#db.prepare("DELETE FROM instances WHERE id = ?").run(record.id);
  }

  /** Keeps what a volume is made of until the result is called, whoever lets go of it meanwhile: the reader is to release it then. */
  hold(pool: string, volume: VolumeRecord): () => void {
    const read = { ...volume, pool };
    this.#read.add(read);
    return () => this.#read.delete(read);
  }

  /** The same while `work` reads it. */
  async whileReading<T>(pool: string, volume: VolumeRecord, work: () => Promise<T>): Promise<T> {
    const letGo = this.hold(pool, volume);
    try {
      return await work();
    } finally {
      letGo();
    }
  }

  /** Whether a volume of any instance (of any phase) or of a snapshot lies over this image in a pool. */
  usesImage(pool: string, fingerprint: string): boolean {
    return [...this.#read].some((read) => read.pool === pool && read.image === fingerprint) || this.#db.prepare(`SELECT 1 FROM instances WHERE pool = @pool AND image = @fingerprint
      UNION ALL SELECT 1 FROM instance_snapshots AS snapshots JOIN instances ON instances.id = instance_id
      WHERE pool = @pool AND snapshots.image = @fingerprint LIMIT 1`).get({ pool, fingerprint }) !== undefined;
  }

  /** Whether a volume of any instance (of any phase) or of a snapshot has this folder of a pool, as its own or among its layers. */
  usesFolder(pool: string, id: string): boolean {
    return [...this.#read].some((read) => read.pool === pool && (read.own === id || read.layers.includes(id))) || this.#db.prepare(`SELECT 1 FROM instances WHERE pool = @pool AND (own = @id OR instr(layers, @id)) OR instr(unfinished, @id)
      UNION ALL SELECT 1 FROM instance_snapshots AS snapshots JOIN instances ON instances.id = instance_id
      WHERE pool = @pool AND (snapshots.own = @id OR instr(snapshots.layers, @id)) LIMIT 1`).get({ pool, id }) !== undefined;
  }
}
