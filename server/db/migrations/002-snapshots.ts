// Snapshots, and volumes made of layers. `own`: the folder in the pool that a volume writes to; `layers`: JSON, what lies
// below it, topmost first; `unfinished`: JSON, what a daemon that finds it has to finish on disk.
export const snapshots = `
ALTER TABLE instances ADD COLUMN own TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN layers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE instances ADD COLUMN unfinished TEXT NOT NULL DEFAULT '{}';
UPDATE instances SET own = 'i' || id WHERE volume = 'overlay';

CREATE TABLE instance_snapshots (
  id INTEGER PRIMARY KEY, instance_id INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE, name TEXT NOT NULL,
  architecture TEXT NOT NULL, ephemeral INTEGER NOT NULL, description TEXT NOT NULL, config TEXT NOT NULL, devices TEXT NOT NULL,
  profiles TEXT NOT NULL, image TEXT NOT NULL, volume TEXT NOT NULL, own TEXT NOT NULL, layers TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  UNIQUE (instance_id, name)
);
`;
