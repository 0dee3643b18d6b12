// The identities of bearers in the database.
import type { Role } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Db } from "../db/open.ts";

export interface BearerRecord {
  uuid: string;
  name: string;
  restricted: boolean;
  role: Role;
  /** SHA-256 of the token, in hex; empty for none. */
  token: string;
  /** In ms; 0 without a token. */
  expiresAt: number;
}

/** What a bearer may do. */
export type BearerRights = Pick<BearerRecord, "restricted" | "role"> & { projects: readonly string[] };

type Row = Omit<BearerRecord, "restricted"> & { restricted: number };

export class BearerStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  list(): BearerRecord[] {
    return this.#db.prepare<unknown[], Row>("SELECT uuid, name, restricted, role, token, expires_at AS expiresAt FROM bearer_identities ORDER BY name").all()
      .map((row) => ({ ...row, restricted: row.restricted === 1 }));
  }

  /** Names of the projects of an identity, in their order. */
  projectsOf(uuid: string): string[] {
    return this.#db.prepare<unknown[], { name: string }>(`SELECT p.name FROM bearer_identities b
      JOIN bearer_identity_projects m ON m.identity_id = b.id JOIN projects p ON p.id = m.project_id WHERE b.uuid = ? ORDER BY p.name`)
      .all(uuid).map(({ name }) => name);
  }

  isMember(uuid: string, project: string): boolean {
    return this.#db.prepare(`SELECT 1 FROM bearer_identities b JOIN bearer_identity_projects m ON m.identity_id = b.id
      JOIN projects p ON p.id = m.project_id WHERE b.uuid = ? AND p.name = ?`).get(uuid, project) !== undefined;
  }

  /** Throws `identity_exists` or `project_not_found`. */
  insert(uuid: string, name: string, { restricted, role, projects }: BearerRights): void {
    this.#db.transaction(() => {
      if (this.#db.prepare("SELECT 1 FROM bearer_identities WHERE name = ?").get(name)) throw fail("identity_exists", { name });
      this.#db.prepare("INSERT INTO bearer_identities (uuid, name, restricted, role) VALUES (?, ?, ?, ?)").run(uuid, name, Number(restricted), role);
      this.#setProjects(uuid, projects);
    })();
  }

  /** Throws `project_not_found`. */
  setRights(uuid: string, { restricted, role, projects }: BearerRights): void {
    this.#db.transaction(() => {
      this.#db.prepare("UPDATE bearer_identities SET restricted = ?, role = ? WHERE uuid = ?").run(Number(restricted), role, uuid);
      this.#setProjects(uuid, projects);
    })();
  }

  /** An empty `token`: none is good from now on. */
  setToken(uuid: string, token: string, expiresAt: number): void {
    this.#db.prepare("UPDATE bearer_identities SET token = ?, expires_at = ? WHERE uuid = ?").run(token, expiresAt, uuid);
  }

  remove(uuid: string): void {
    this.#db.prepare("DELETE FROM bearer_identities WHERE uuid = ?").run(uuid);
  }

  #setProjects(uuid: string, names: readonly string[]): void {
    this.#db.prepare("DELETE FROM bearer_identity_projects WHERE identity_id = (SELECT id FROM bearer_identities WHERE uuid = ?)").run(uuid);
    for (const name of new Set(names)) {
      const { changes } = this.#db.prepare(`INSERT INTO bearer_identity_projects (identity_id, project_id)
        SELECT b.id, p.id FROM bearer_identities b, projects p WHERE b.uuid = ? AND p.name = ?`).run(uuid, name);
      if (changes === 0) throw fail("project_not_found");
    }
  }
}
