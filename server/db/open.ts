// The database: one SQLite file, written ahead, and brought up to date when it is opened.
import Database from "better-sqlite3";
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
  migrate(db);
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

function migrate(db: Db): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (version > migrations.length) {
    throw new Error(`the database is of version ${version}, this berthd knows ${migrations.length}: it needs a newer berthd`);
  }
  migrations.slice(version).forEach((migration, i) => {
    db.transaction(() => {
      db.exec(migration);
      db.pragma(`user_version = ${version + i + 1}`);
    })();
  });
}
