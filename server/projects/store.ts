// The projects in the database. There is one, `default`, so far.
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import type { Db } from "../db/open.ts";

export interface ProjectRecord {
  name: string;
  description: string;
  config: Config;
}

export class ProjectStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  list(): ProjectRecord[] {
    return this.#db.prepare<unknown[], { name: string; description: string; config: string }>("SELECT name, description, config FROM projects ORDER BY name")
      .all().map((row) => ({ ...row, config: JSON.parse(row.config) }));
  }

  /** Throws `project_not_found`. */
  get(name: string): ProjectRecord {
    const found = this.list().find((project) => project.name === name);
    if (!found) throw fail("project_not_found");
    return found;
  }

  /** The project a request is about: the one its query names, or the default one. */
  named(name: string | undefined): string {
    return this.get(name === undefined || name === "" ? "default" : name).name;
  }
}
