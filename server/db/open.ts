// The database: one SQLite file, written ahead, and brought up to date when it is opened.
import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { fail } from "../api/errors.ts";
import { migrations } from "./migrations/index.ts";

export type Db = Database.Database;

/**
 * Opens (and makes) the database. What a transaction has acknowledged survives a crash of the daemon
 * and of the machine.
 */
export function openDatabase(file: string): Db {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = ON");
  db.pragma("busy_timeout = 5000");
  migrate(db, file);
  rememberStatements(db);
  return db;
}

/** Each statement is compiled once: that takes longer than most of them run. */
function rememberStatements(db: Db): void {
  const compile = db.prepare.bind(db);
  const known = new Map<string, ReturnType<Db["prepare"]>>();
  db.prepare = ((sql: string) => {
    let statement = known.get(sql);
    if (!statement) known.set(sql, (statement = compile(sql)));
    return statement;
  }) as Db["prepare"];
}

/** A copy of what was there before a migration, for going back: the file's name, and the version it is of. */
export const copyName = (file: string, version: number) => `${file}.v${version}`;

/** Throws `database_newer` for the database of a later Berth. */
function migrate(db: Db, file: string): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (version > migrations.length) throw fail("database_newer", { file, version, known: migrations.length });
  if (version === migrations.length) return;
  if (version > 0 && file !== ":memory:") copyBefore(db, copyName(file, version));
  migrations.slice(version).forEach((migration, i) => {
    db.transaction(() => {
      db.exec(migration);
      db.pragma(`user_version = ${version + i + 1}`);
    })();
  });
  db.pragma("wal_checkpoint(TRUNCATE)"); // packages read the version from the file itself
}

function copyBefore(db: Db, copy: string): void {
  rmSync(copy, { force: true });
  db.prepare("VACUUM INTO ?").run(copy);
}
