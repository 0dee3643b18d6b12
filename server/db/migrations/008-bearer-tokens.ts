// Identities that show a bearer token. `token`: SHA-256 of the one that is good until `expires_at`, empty for none.
export const bearerTokens = `
CREATE TABLE bearer_identities (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, restricted INTEGER NOT NULL, role TEXT NOT NULL,
  token TEXT NOT NULL DEFAULT '', expires_at INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE bearer_identity_projects (
  identity_id INTEGER NOT NULL REFERENCES bearer_identities ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  PRIMARY KEY (identity_id, project_id)
) WITHOUT ROWID;
`;
