// Where images were fetched from by an alias.
export const imageSources = `
CREATE TABLE image_sources (
  image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE, server TEXT NOT NULL, protocol TEXT NOT NULL, certificate TEXT NOT NULL,
  alias TEXT NOT NULL
);
CREATE INDEX image_aliases_by_image ON image_aliases (image_id);
`;
