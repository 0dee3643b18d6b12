// The warnings in the database.
import { randomUUID } from "node:crypto";
import { fail } from "../api/errors.ts";
import type { Warning } from "../api/warnings.ts";
import type { Db } from "../db/open.ts";

export type WarningStatus = Warning["status"];

/** What a warning is about, by its id in the database; nothing: the server. */
export interface WarningEntity {
  instance?: number;
  network?: number;
  pool?: number;
}

export interface WarningRecord {
  uuid: string;
  type: string;
  project: string;
  status: WarningStatus;
  count: number;
  message: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
  /** Name and project of what it is about. */
  instance: { name: string; project: string } | undefined;
  network: string | undefined;
  pool: string | undefined;
}

interface Row {
  uuid: string; type: string; project: string; status: WarningStatus; count: number; message: string; first_seen_at: number; last_seen_at: number;
  instance: string | null; instance_project: string | null; network: string | null; pool: string | null;
}

const select = `SELECT uuid, warnings.type, project, status, count, message, first_seen_at, last_seen_at, instances.name AS instance,
  projects.name AS instance_project, networks.name AS network, storage_pools.name AS pool
  FROM warnings LEFT JOIN instances ON instances.id = instance_id LEFT JOIN projects ON projects.id = instances.project_id
  LEFT JOIN networks ON networks.id = network_id LEFT JOIN storage_pools ON storage_pools.id = pool_id`;

const sameEntity = "ifnull(instance_id, 0) = @instance AND ifnull(network_id, 0) = @network AND ifnull(pool_id, 0) = @pool";

function parse(row: Row): WarningRecord {
  return {
    uuid: row.uuid, type: row.type, project: row.project, status: row.status, count: row.count, message: row.message,
    firstSeenAt: new Date(row.first_seen_at), lastSeenAt: new Date(row.last_seen_at),
    instance: row.instance === null ? undefined : { name: row.instance, project: row.instance_project ?? "default" },
    network: row.network ?? undefined, pool: row.pool ?? undefined,
  };
}

const ids = ({ instance, network, pool }: WarningEntity) => ({ instance: instance ?? 0, network: network ?? 0, pool: pool ?? 0 });

export class WarningStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  /** Those of one project, or all. */
  list(project?: string): WarningRecord[] {
    const rows = project === undefined
      ? this.#db.prepare<unknown[], Row>(`${select} ORDER BY warnings.id`).all()
      : this.#db.prepare<unknown[], Row>(`${select} WHERE project = ? ORDER BY warnings.id`).all(project);
    return rows.map(parse);
  }

  /** Throws `warning_not_found`. */
  get(uuid: string): WarningRecord {
    const row = this.#db.prepare<unknown[], Row>(`${select} WHERE uuid = ?`).get(uuid);
    if (!row) throw fail("warning_not_found");
    return parse(row);
  }

  /** Counts one more of it, or notes it for the first time. What was resolved is new again. */
  raise(type: string, project: string, entity: WarningEntity, message: string): void {
    const given = { type, project, message, now: Date.now(), ...ids(entity) };
    const raise = this.#db.transaction(() => {
      const { changes } = this.#db.prepare(`UPDATE warnings SET count = count + 1, message = @message, last_seen_at = @now, updated_at = @now,
        status = CASE status WHEN 'resolved' THEN 'new' ELSE status END WHERE type = @type AND project = @project AND ${sameEntity}`).run(given);
      if (changes > 0) return;
      this.#db.prepare(`INSERT INTO warnings (uuid, type, project, status, instance_id, network_id, pool_id, count, message, first_seen_at, last_seen_at, updated_at)
        VALUES (@uuid, @type, @project, 'new', nullif(@instance, 0), nullif(@network, 0), nullif(@pool, 0), 1, @message, @now, @now, @now)`)
        .run({ uuid: randomUUID(), ...given });
    });
    raise();
  }

  /** Notes that it is over; nothing is written where there was none. */
  resolve(type: string, project: string, entity: WarningEntity): void {
    const given = { type, project, now: Date.now(), ...ids(entity) };
    const open = `FROM warnings WHERE type = @type AND project = @project AND status != 'resolved' AND ${sameEntity}`;
    if (!this.#db.prepare(`SELECT 1 ${open}`).get(given)) return;
    this.#db.prepare(`UPDATE warnings SET status = 'resolved', updated_at = @now WHERE uuid IN (SELECT uuid ${open})`).run(given);
  }

  setStatus(uuid: string, status: WarningStatus): void {
    this.#db.prepare("UPDATE warnings SET status = ?, updated_at = ? WHERE uuid = ?").run(status, Date.now(), uuid);
  }

  remove(uuid: string): void {
    this.#db.prepare("DELETE FROM warnings WHERE uuid = ?").run(uuid);
  }

  /** Removes those that were resolved before. */
  removeResolved(before: Date): void {
    const old = "FROM warnings WHERE status = 'resolved' AND updated_at < ?";
    if (this.#db.prepare(`SELECT 1 ${old}`).get(before.getTime())) this.#db.prepare(`DELETE ${old}`).run(before.getTime());
  }
}
