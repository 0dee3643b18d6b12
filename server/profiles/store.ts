// The profiles in the database. A project without profiles of its own has those of the default project: that is seen to here.
import { fail } from "../api/errors.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { Db } from "../db/open.ts";
import type { ProjectStore } from "../projects/store.ts";

export interface ProfileRecord {
  id: number;
  project: string;
  name: string;
  description: string;
  config: Config;
  devices: DeviceMap;
}

interface Row {
  id: number; project: string; name: string; description: string; config: string; devices: string;
}

const select = `SELECT profiles.id, projects.name AS project, profiles.name, profiles.description, profiles.config, devices
  FROM profiles JOIN projects ON projects.id = project_id`;

function parse(row: Row): ProfileRecord {
  return { ...row, config: JSON.parse(row.config), devices: JSON.parse(row.devices) };
}

export class ProfileStore {
  readonly #db: Db;
  /** What was read, until something is written: every look at an instance asks for its profiles. */
  readonly #read = new Map<string, ProfileRecord>();
  readonly #projects: ProjectStore;
  constructor(db: Db, projects: ProjectStore) {
    this.#db = db;
    this.#projects = projects;
    projects.onChange(() => this.#read.clear());
  }

  /** Those that a project has, or all there are. */
  list(project?: string): ProfileRecord[] {
    const rows = project === undefined
      ? this.#db.prepare<unknown[], Row>(`${select} ORDER BY profiles.name`).all()
      : this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? ORDER BY profiles.name`).all(this.#projects.owner(project, "profiles"));
    return rows.map(parse);
  }

  find(project: string, name: string): ProfileRecord | undefined {
    const owner = this.#projects.owner(project, "profiles");
    const key = `${owner}/${name}`;
    const known = this.#read.get(key);
    if (known) return known;
    const row = this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? AND profiles.name = ?`).get(owner, name);
    if (!row) return undefined;
    const found = Object.freeze(parse(row));
    this.#read.set(key, found);
    return found;
  }

  /** Throws `profile_not_found`. */
  get(project: string, name: string): ProfileRecord {
    const record = this.find(project, name);
    if (!record) throw fail("profile_not_found");
    return record;
  }

  /** Throws `profile_exists`. */
  insert(record: Omit<ProfileRecord, "id">): void {
    this.#db.transaction(() => {
      if (this.find(record.project, record.name)) throw fail("profile_exists", { name: record.name });
      this.#db.prepare("INSERT INTO profiles (project_id, name, description, config, devices) VALUES ((SELECT id FROM projects WHERE name = ?), ?, ?, ?, ?)")
        .run(this.#projects.owner(record.project, "profiles"), record.name, record.description, JSON.stringify(record.config), JSON.stringify(record.devices));
    })();
  }

  save(record: ProfileRecord): void {
    this.#db.prepare("UPDATE profiles SET name = ?, description = ?, config = ?, devices = ? WHERE id = ?")
      .run(record.name, record.description, JSON.stringify(record.config), JSON.stringify(record.devices), record.id);
    this.#read.clear();
  }

  remove(record: ProfileRecord): void {
    this.#db.prepare("DELETE FROM profiles WHERE id = ?").run(record.id);
    this.#read.clear();
  }
}
