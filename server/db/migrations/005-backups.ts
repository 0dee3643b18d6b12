// Backups of instances; their files lie below backups/, named by id. phase: 'creating' until the file is whole, then 'ready'.
export const backups = `
CREATE TABLE instance_backups (
  id INTEGER PRIMARY KEY, instance_id INTEGER NOT NULL REFERENCES instances ON DELETE CASCADE, name TEXT NOT NULL, phase TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, instance_only INTEGER NOT NULL,
  UNIQUE (instance_id, name)
);
`;
