// The projects in the database, and whose things each of them uses.
import { isTrue } from "../api/config-keys/key.ts";
import type { ProjectFeature } from "../api/config-keys/project.ts";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import type { Db } from "../db/open.ts";

export interface ProjectRecord {
  name: string;
  description: string;
  config: Config;
}

export const defaultProject = "default";

export class ProjectStore {
  readonly #db: Db;
  /** What was read, until something is written: every request asks. */
  #read: ReadonlyMap<string, ProjectRecord> | undefined;
  readonly #listeners: (() => void)[] = [];
  constructor(db: Db) {
    this.#db = db;
  }

  /** Has somebody told of every change, before and after it is certain. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #all(): ReadonlyMap<string, ProjectRecord> {
    const rows = () => this.#db.prepare<unknown[], { name: string; description: string; config: string }>("SELECT name, description, config FROM projects ORDER BY name").all();
    this.#read ??= new Map(rows().map((row) => [row.name, Object.freeze({ ...row, config: Object.freeze(JSON.parse(row.config) as Config) })]));
    return this.#read;
  }

  list(): ProjectRecord[] {
    return [...this.#all().values()];
  }

  find(name: string): ProjectRecord | undefined {
    return this.#all().get(name);
  }

  /** Throws `project_not_found`. */
  get(name: string): ProjectRecord {
    const found = this.find(name);
    if (!found) throw fail("project_not_found");
    return found;
  }

  /** The project a request is about: the one its query names, or the default one. */
  named(name: string | undefined): string {
    return this.get(name || defaultProject).name;
  }

  /** Whose images (profiles, …) a project uses: its own, or those of the default project. Throws `project_not_found`. */
  owner(project: string, feature: ProjectFeature): string {
    return isTrue(this.get(project).config[`features.${feature}`]) ? project : defaultProject;
  }

  /** Those that use the images (profiles, …) of a project. */
  usersOf(owner: string, feature: ProjectFeature): string[] {
    return this.list().map(({ name }) => name).filter((name) => this.owner(name, feature) === owner);
  }

  /** Adds one, and in the same step whatever `also` writes. */
  insert({ name, description, config }: ProjectRecord, also?: () => void): void {
    this.#write(() => void this.#db.prepare("INSERT INTO projects (name, description, config) VALUES (?, ?, ?)").run(name, description, JSON.stringify(config)), also);
  }

  /** Changes one, its name too when `as` gives another, and in the same step whatever `also` writes. */
  save({ name, description, config }: ProjectRecord, { as = name, also }: { as?: string; also?: () => void } = {}): void {
    this.#write(() => void this.#db.prepare("UPDATE projects SET name = ?, description = ?, config = ? WHERE name = ?").run(as, description, JSON.stringify(config), name), also);
  }

  /** Removes one, with the profiles it has. */
  remove(name: string): void {
    this.#write(() => void this.#db.prepare("DELETE FROM projects WHERE name = ?").run(name));
  }

  #write(change: () => void, also: () => void = () => {}): void {
    const forget = () => {
      this.#read = undefined;
      for (const listener of this.#listeners) listener();
    };
    try {
      this.#db.transaction(() => {
        change();
        forget();
        also();
      })();
    } finally {
      forget(); // what was read of a change that was taken back
    }
  }
}
