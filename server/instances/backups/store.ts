// The backups in the database. They go with their instance's row.
import { fail } from "../../api/errors.ts";
import type { Db } from "../../db/open.ts";
import type { InstanceRecord } from "../store.ts";

export interface BackupRecord {
  /** Also the name of its file. */
  id: number;
  instanceId: number;
  name: string;
  /** creating: its file is being written. */
  phase: "creating" | "ready";
  createdAt: Date;
  /** undefined: never. */
  expiresAt: Date | undefined;
  instanceOnly: boolean;
}

interface Row {
  id: number; instance_id: number; name: string; phase: BackupRecord["phase"]; created_at: number; expires_at: number; instance_only: number;
}

function parse(row: Row): BackupRecord {
  return {
    id: row.id, instanceId: row.instance_id, name: row.name, phase: row.phase, createdAt: new Date(row.created_at),
    expiresAt: row.expires_at ? new Date(row.expires_at) : undefined, instanceOnly: row.instance_only === 1,
  };
}

export class BackupStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  #rows(where: string, ...values: unknown[]): BackupRecord[] {
    return this.#db.prepare<unknown[], Row>(`SELECT * FROM instance_backups WHERE ${where} ORDER BY created_at, id`).all(...values).map(parse);
  }

  /** An instance's that are whole, in the order they were made. */
  list(instance: Pick<InstanceRecord, "id">): BackupRecord[] {
    return this.#rows("instance_id = ? AND phase = 'ready'", instance.id);
  }

  /** Also those that are being made. */
  listAll(instance: Pick<InstanceRecord, "id">): BackupRecord[] {
    return this.#rows("instance_id = ?", instance.id);
  }

  /** Throws `backup_not_found`, also while it is being made. */
  get(instance: Pick<InstanceRecord, "id">, name: string): BackupRecord {
    const [found] = this.#rows("instance_id = ? AND name = ? AND phase = 'ready'", instance.id, name);
    if (!found) throw fail("backup_not_found");
    return found;
  }

  /** Those of any instance that have expired by then. */
  expired(by: Date): BackupRecord[] {
    return this.#rows("phase = 'ready' AND expires_at > 0 AND expires_at <= ?", by.getTime());
  }

  /** Those that a daemon did not live to finish. */
  unfinished(): BackupRecord[] {
    return this.#rows("phase = 'creating'");
  }

  has(id: number): boolean {
    return this.#rows("id = ?", id).length > 0;
  }

  /** Takes the name. Throws `backup_exists`. */
  insert(record: Omit<BackupRecord, "id">): BackupRecord {
    this.assertFree(record.instanceId, record.name);
    const { lastInsertRowid } = this.#db.prepare("INSERT INTO instance_backups (instance_id, name, phase, created_at, expires_at, instance_only) VALUES (?, ?, ?, ?, ?, ?)")
      .run(record.instanceId, record.name, record.phase, record.createdAt.getTime(), record.expiresAt?.getTime() ?? 0, record.instanceOnly ? 1 : 0);
    return { ...record, id: Number(lastInsertRowid) };
  }

  /** Throws `backup_exists`. */
  assertFree(instanceId: number, name: string): void {
    if (this.#rows("instance_id = ? AND name = ?", instanceId, name).length > 0) throw fail("backup_exists", { name });
  }

  /** Writes what may change. */
  save({ id, name, phase }: BackupRecord): void {
    this.#db.prepare("UPDATE instance_backups SET name = ?, phase = ? WHERE id = ?").run(name, phase, id);
  }

  remove({ id }: Pick<BackupRecord, "id">): void {
    this.#db.prepare("DELETE FROM instance_backups WHERE id = ?").run(id);
  }
}
