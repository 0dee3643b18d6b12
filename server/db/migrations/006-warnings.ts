// Warnings: one row for each thing that is the matter. What it is about is a column of its own, so that a warning goes with it.
export const warnings = `
CREATE TABLE warnings (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, project TEXT NOT NULL DEFAULT '', status TEXT NOT NULL,
  instance_id INTEGER REFERENCES instances ON DELETE CASCADE, network_id INTEGER REFERENCES networks ON DELETE CASCADE,
  pool_id INTEGER REFERENCES storage_pools ON DELETE CASCADE, count INTEGER NOT NULL, message TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX warnings_of ON warnings (type, project, ifnull(instance_id, 0), ifnull(network_id, 0), ifnull(pool_id, 0));
`;
