// The first tables. Maps (config, devices, …) are JSON text.
export const init = `
CREATE TABLE server_config (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE projects (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL DEFAULT '', config TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO projects (id, name, description, config) VALUES (1, 'default', 'Default Berth project',
  '{"features.images":"true","features.networks":"true","features.profiles":"true","features.storage.volumes":"true"}');

CREATE TABLE profiles (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE, name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '', config TEXT NOT NULL DEFAULT '{}', devices TEXT NOT NULL DEFAULT '{}',
  UNIQUE (project_id, name)
);
INSERT INTO profiles (project_id, name, description) VALUES (1, 'default', 'Default Berth profile');

CREATE TABLE storage_pools (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
  config TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE networks (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
  config TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE images (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE, fingerprint TEXT NOT NULL,
  filename TEXT NOT NULL, size INTEGER NOT NULL, architecture TEXT NOT NULL, layout TEXT NOT NULL, rootfs TEXT NOT NULL,
  public INTEGER NOT NULL, auto_update INTEGER NOT NULL, cached INTEGER NOT NULL, properties TEXT NOT NULL, profiles TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, uploaded_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  UNIQUE (project_id, fingerprint)
);

CREATE TABLE image_aliases (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE, name TEXT NOT NULL,
  image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE, description TEXT NOT NULL DEFAULT '',
  UNIQUE (project_id, name)
);

-- phase: 'creating' until all of it is there, 'ready', then 'deleting'. What is not ready is removed at the next start.
CREATE TABLE instances (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE, name TEXT NOT NULL,
  phase TEXT NOT NULL, architecture TEXT NOT NULL, ephemeral INTEGER NOT NULL, description TEXT NOT NULL,
  config TEXT NOT NULL, devices TEXT NOT NULL, profiles TEXT NOT NULL, pool TEXT NOT NULL, image TEXT NOT NULL, volume TEXT NOT NULL,
  created_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL,
  UNIQUE (project_id, name)
);
`;
