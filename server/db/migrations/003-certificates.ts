// Certificates of those who are trusted. `role`: what a restricted one may do in its projects.
export const certificates = `
CREATE TABLE certificates (
  id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, type TEXT NOT NULL, name TEXT NOT NULL, certificate TEXT NOT NULL,
  restricted INTEGER NOT NULL, role TEXT NOT NULL
);

CREATE TABLE certificate_projects (
  certificate_id INTEGER NOT NULL REFERENCES certificates ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  PRIMARY KEY (certificate_id, project_id)
) WITHOUT ROWID;
`;
