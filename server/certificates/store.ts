// The trust store in the database.
import { fail } from "../api/errors.ts";
import type { Role } from "../api/certificates.ts";
import type { Db } from "../db/open.ts";

export interface CertificateRecord {
  fingerprint: string;
  type: "client" | "metrics";
  name: string;
  /** PEM. */
  certificate: string;
  restricted: boolean;
  role: Role;
}

type Row = Omit<CertificateRecord, "restricted"> & { restricted: number };
const columns = "fingerprint, type, name, certificate, restricted, role";

export class CertificateStore {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  list(): CertificateRecord[] {
    return this.#db.prepare<unknown[], Row>(`SELECT ${columns} FROM certificates ORDER BY id`).all().map((row) => ({ ...row, restricted: row.restricted === 1 }));
  }

  /** Names of the projects of a certificate, in their order. */
  projectsOf(fingerprint: string): string[] {
    return this.#db.prepare<unknown[], { name: string }>(`SELECT p.name FROM certificates c
      JOIN certificate_projects m ON m.certificate_id = c.id JOIN projects p ON p.id = m.project_id WHERE c.fingerprint = ? ORDER BY p.name`)
      .all(fingerprint).map(({ name }) => name);
  }

  isMember(fingerprint: string, project: string): boolean {
    return this.#db.prepare(`SELECT 1 FROM certificates c JOIN certificate_projects m ON m.certificate_id = c.id
      JOIN projects p ON p.id = m.project_id WHERE c.fingerprint = ? AND p.name = ?`).get(fingerprint, project) !== undefined;
  }

  /** Throws `certificate_exists` or `project_not_found`. */
  insert(record: CertificateRecord, projects: readonly string[]): void {
    this.#db.transaction(() => {
      if (this.#idOf(record.fingerprint) !== undefined) throw fail("certificate_exists");
      const { lastInsertRowid } = this.#db.prepare(`INSERT INTO certificates (${columns}) VALUES (?, ?, ?, ?, ?, ?)`)
        .run(record.fingerprint, record.type, record.name, record.certificate, Number(record.restricted), record.role);
      this.#setProjects(Number(lastInsertRowid), projects);
    })();
  }

  /** Puts a record in the place of another. Throws `certificate_exists` or `project_not_found`. */
  replace(fingerprint: string, record: CertificateRecord, projects: readonly string[]): void {
    this.#db.transaction(() => {
      const id = this.#idOf(fingerprint);
      if (id === undefined) throw fail("certificate_not_found");
      if (record.fingerprint !== fingerprint && this.#idOf(record.fingerprint) !== undefined) throw fail("certificate_exists");
      this.#db.prepare("UPDATE certificates SET fingerprint = ?, type = ?, name = ?, certificate = ?, restricted = ?, role = ? WHERE id = ?")
        .run(record.fingerprint, record.type, record.name, record.certificate, Number(record.restricted), record.role, id);
      this.#setProjects(id, projects);
    })();
  }

  remove(fingerprint: string): void {
    this.#db.prepare("DELETE FROM certificates WHERE fingerprint = ?").run(fingerprint);
  }

  #idOf(fingerprint: string): number | undefined {
    return this.#db.prepare<unknown[], { id: number }>("SELECT id FROM certificates WHERE fingerprint = ?").get(fingerprint)?.id;
  }

  #setProjects(id: number, names: readonly string[]): void {
    this.#db.prepare("DELETE FROM certificate_projects WHERE certificate_id = ?").run(id);
    for (const name of new Set(names)) {
      const project = this.#db.prepare<unknown[], { id: number }>("SELECT id FROM projects WHERE name = ?").get(name);
      if (!project) throw fail("project_not_found");
      this.#db.prepare("INSERT INTO certificate_projects (certificate_id, project_id) VALUES (?, ?)").run(id, project.id);
    }
  }
}
