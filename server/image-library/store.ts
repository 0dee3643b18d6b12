// The images and aliases in the database. A project without images of its own has those of the default project: that is seen to here.
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import type { Db } from "../db/open.ts";
import type { ProjectStore } from "../projects/store.ts";

export interface ImageRecord {
  id: number;
  project: string;
  fingerprint: string;
  filename: string;
  size: number;
  architecture: string;
  layout: "unified" | "split";
  rootfs: "tar" | "squashfs";
  public: boolean;
  autoUpdate: boolean;
  cached: boolean;
  properties: Config;
  profiles: string[];
  /** 0: none. All in ms since the epoch. */
  createdAt: number;
  expiresAt: number;
  uploadedAt: number;
  lastUsedAt: number;
  /** Where it was fetched from by an alias; undefined when it was not. */
  source: ImageSource | undefined;
}

export interface ImageSource {
  server: string;
  protocol: string;
  /** PEM; may be empty. */
  certificate: string;
  alias: string;
}

interface Row {
  id: number; project: string; fingerprint: string; filename: string; size: number; architecture: string;
  layout: ImageRecord["layout"]; rootfs: ImageRecord["rootfs"]; public: number; auto_update: number; cached: number; properties: string;
  profiles: string; created_at: number; expires_at: number; uploaded_at: number; last_used_at: number;
  server: string | null; protocol: string; certificate: string; alias: string;
}

export interface AliasRecord {
  id: number;
  name: string;
  description: string;
  target: string;
}

const select = `SELECT images.*, projects.name AS project, server, protocol, certificate, alias
  FROM images JOIN projects ON projects.id = project_id LEFT JOIN image_sources ON image_sources.image_id = images.id`;
const selectAlias = `SELECT image_aliases.id, image_aliases.name, image_aliases.description, images.fingerprint AS target
  FROM image_aliases JOIN images ON images.id = image_id JOIN projects ON projects.id = image_aliases.project_id`;

function parse(row: Row): ImageRecord {
  return {
    id: row.id, project: row.project, fingerprint: row.fingerprint, filename: row.filename, size: row.size, architecture: row.architecture,
    layout: row.layout, rootfs: row.rootfs, public: row.public === 1, autoUpdate: row.auto_update === 1, cached: row.cached === 1,
    properties: JSON.parse(row.properties), profiles: JSON.parse(row.profiles), createdAt: row.created_at, expiresAt: row.expires_at,
    uploadedAt: row.uploaded_at, lastUsedAt: row.last_used_at,
    source: row.server === null ? undefined : { server: row.server, protocol: row.protocol, certificate: row.certificate, alias: row.alias },
  };
}

export class ImageStore {
  readonly #db: Db;
  readonly #projects: ProjectStore;
  constructor(db: Db, projects: ProjectStore) {
    this.#db = db;
    this.#projects = projects;
  }

  #owner(project: string): string {
    return this.#projects.owner(project, "images");
  }

  list(project: string): ImageRecord[] {
    return this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? ORDER BY images.id`).all(this.#owner(project)).map(parse);
  }

  /** Those of all projects. */
  listEverywhere(): ImageRecord[] {
    return this.#db.prepare<unknown[], Row>(`${select} ORDER BY images.id`).all().map(parse);
  }

  /** All images of one fingerprint or of a prefix of it. Throws `image_not_found` or `image_ambiguous`. */
  get(project: string, prefix: string): ImageRecord {
    if (!/^[0-9a-f]{1,64}$/.test(prefix)) throw fail("image_not_found");
    const rows = this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? AND fingerprint LIKE ? || '%' LIMIT 2`).all(this.#owner(project), prefix);
    const [row, other] = rows;
    if (!row) throw fail("image_not_found");
    if (other) throw fail("image_ambiguous", { fingerprint: prefix });
    return parse(row);
  }

  has(project: string, fingerprint: string): boolean {
    return this.#db.prepare("SELECT 1 FROM images JOIN projects ON projects.id = project_id WHERE projects.name = ? AND fingerprint = ?")
      .get(this.#owner(project), fingerprint) !== undefined;
  }

  /** Whether any project still has it. */
  isKnown(fingerprint: string): boolean {
    return this.#db.prepare("SELECT 1 FROM images WHERE fingerprint = ? LIMIT 1").get(fingerprint) !== undefined;
  }

  /** Any project's image of that fingerprint. */
  findAnywhere(fingerprint: string): ImageRecord | undefined {
    const row = this.#db.prepare<unknown[], Row>(`${select} WHERE fingerprint = ? LIMIT 1`).get(fingerprint);
    return row && parse(row);
  }

  /** An image of a project that was fetched from there, the newest first. */
  findFetched(project: string, { server, protocol, alias }: Omit<ImageSource, "certificate">): ImageRecord | undefined {
    const row = this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? AND server = ? AND protocol = ? AND alias = ? ORDER BY uploaded_at DESC, images.id DESC`)
      .get(this.#owner(project), server, protocol, alias);
    return row && parse(row);
  }

  /** All that are to be kept up to date. */
  listUpdatable(): ImageRecord[] {
    return this.#db.prepare<unknown[], Row>(`${select} WHERE auto_update = 1 AND server IS NOT NULL ORDER BY images.id`).all().map(parse);
  }

  /** All that were fetched for an instance and have not been used since that time. */
  listUnused(project: string, since: number): ImageRecord[] {
    return this.#db.prepare<unknown[], Row>(`${select} WHERE projects.name = ? AND cached = 1 AND max(last_used_at, uploaded_at) < ? ORDER BY images.id`).all(project, since).map(parse);
  }

  /** Together with its aliases. Throws `image_exists` or `alias_exists`. */
  insert(image: Omit<ImageRecord, "id">, aliases: readonly { name: string; description?: string }[] = []): void {
    this.#db.transaction(() => {
      if (this.has(image.project, image.fingerprint)) throw fail("image_exists");
      const { lastInsertRowid: id } = this.#db.prepare(`INSERT INTO images (project_id, fingerprint, filename, size, architecture, layout, rootfs, public, auto_update, cached,
        properties, profiles, created_at, expires_at, uploaded_at, last_used_at)
        VALUES ((SELECT id FROM projects WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
        .run(this.#owner(image.project), image.fingerprint, image.filename, image.size, image.architecture, image.layout, image.rootfs,
          Number(image.public), Number(image.autoUpdate), Number(image.cached), JSON.stringify(image.properties),
          JSON.stringify(image.profiles), image.createdAt, image.expiresAt, image.uploadedAt, image.lastUsedAt);
      if (image.source) this.#setSource(Number(id), image.source);
      for (const { name, description } of aliases) this.insertAlias(image.project, { name, description: description ?? "", target: image.fingerprint });
    })();
  }

  #setSource(id: number, { server, protocol, certificate, alias }: ImageSource): void {
    this.#db.prepare("INSERT OR REPLACE INTO image_sources (image_id, server, protocol, certificate, alias) VALUES (?, ?, ?, ?, ?)").run(id, server, protocol, certificate, alias);
  }

  /** Lets a newer image take an older one's place: its aliases, profiles and what is kept about its use. Both are of one project. */
  replace(old: ImageRecord, next: ImageRecord): void {
    this.#db.transaction(() => {
      this.#db.prepare("UPDATE image_aliases SET image_id = ? WHERE image_id = ?").run(next.id, old.id);
      this.#db.prepare("UPDATE images SET cached = ?, last_used_at = max(last_used_at, ?), public = ?, auto_update = ?, profiles = ? WHERE id = ?")
        .run(Number(old.cached && next.cached), old.lastUsedAt, Number(old.public), Number(old.autoUpdate), JSON.stringify(old.profiles), next.id);
      if (old.source) this.#setSource(next.id, old.source);
      this.remove(old);
    })();
  }

  /** Writes what may change. */
  save(image: ImageRecord): void {
    this.#db.prepare("UPDATE images SET public = ?, auto_update = ?, cached = ?, properties = ?, profiles = ?, expires_at = ?, last_used_at = ? WHERE id = ?")
      .run(Number(image.public), Number(image.autoUpdate), Number(image.cached), JSON.stringify(image.properties), JSON.stringify(image.profiles),
        image.expiresAt, image.lastUsedAt, image.id);
  }

  /** Notes that it has been used; it may be gone. */
  touch({ id }: Pick<ImageRecord, "id">, now: number): void {
    this.#db.prepare("UPDATE images SET last_used_at = ? WHERE id = ?").run(now, id);
  }

  remove(image: ImageRecord): void {
    this.#db.prepare("DELETE FROM images WHERE id = ?").run(image.id);
  }

  listAliases(project: string): AliasRecord[] {
    return this.#db.prepare<unknown[], AliasRecord>(`${selectAlias} WHERE projects.name = ? ORDER BY image_aliases.name`).all(this.#owner(project));
  }

  /** What images of some projects say of a profile is changed with it: its new name, or nothing any more. */
  renameProfile(projects: readonly string[], name: string, newName: string | undefined): void {
    for (const project of projects) {
      for (const image of this.list(project)) {
        if (image.project !== project || !image.profiles.includes(name)) continue;
        this.save({ ...image, profiles: image.profiles.flatMap((one) => (one === name ? (newName ?? []) : one)) });
      }
    }
  }

  listAliasesOf({ id }: Pick<ImageRecord, "id">): AliasRecord[] {
    return this.#db.prepare<unknown[], AliasRecord>(`${selectAlias} WHERE image_id = ? ORDER BY image_aliases.name`).all(id);
  }

  /** Throws `alias_not_found`. */
  getAlias(project: string, name: string): AliasRecord {
    const alias = this.#db.prepare<unknown[], AliasRecord>(`${selectAlias} WHERE projects.name = ? AND image_aliases.name = ?`).get(this.#owner(project), name);
    if (!alias) throw fail("alias_not_found");
    return alias;
  }

  hasAlias(project: string, name: string): boolean {
    return this.#db.prepare("SELECT 1 FROM image_aliases JOIN projects ON projects.id = project_id WHERE projects.name = ? AND image_aliases.name = ?").get(this.#owner(project), name) !== undefined;
  }

  /** Throws `alias_exists` or `image_not_found`. */
  insertAlias(project: string, alias: Omit<AliasRecord, "id">): void {
    this.#db.transaction(() => {
      const image = this.get(project, alias.target);
      this.#assertFree(project, alias.name);
      this.#db.prepare("INSERT INTO image_aliases (project_id, name, image_id, description) VALUES ((SELECT id FROM projects WHERE name = ?), ?, ?, ?)")
        .run(this.#owner(project), alias.name, image.id, alias.description);
    })();
  }

  #assertFree(project: string, name: string): void {
    if (this.hasAlias(project, name)) throw fail("alias_exists", { name });
  }

  saveAlias(project: string, alias: AliasRecord): void {
    this.#db.prepare("UPDATE image_aliases SET image_id = ?, description = ? WHERE id = ?")
      .run(this.get(project, alias.target).id, alias.description, alias.id);
  }

  /** Throws `alias_exists`. */
  renameAlias(project: string, alias: AliasRecord, name: string): void {
    this.#db.transaction(() => {
      this.#assertFree(project, name);
      this.#db.prepare("UPDATE image_aliases SET name = ? WHERE id = ?").run(name, alias.id);
    })();
  }

  removeAlias(alias: AliasRecord): void {
    this.#db.prepare("DELETE FROM image_aliases WHERE id = ?").run(alias.id);
  }
}
