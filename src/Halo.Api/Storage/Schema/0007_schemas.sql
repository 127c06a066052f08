-- What the sites' databases have, as far as each integrator may see it, as it was read last.

CREATE TABLE database_schemas (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL,
  site_id {uuid} NOT NULL,
  catalogue TEXT NOT NULL,
  read_at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  mark TEXT,                          -- what the Link said of the catalogue before: another one, and it is read again
  wrapped_key {blob} NOT NULL,        -- its own data key, wrapped by the master key it names
  content {blob} NOT NULL,            -- the answer's JSON, compressed and encrypted
  UNIQUE (integrator_id, site_id, catalogue),
  FOREIGN KEY (integrator_id, site_id) REFERENCES pairings (integrator_id, site_id) ON DELETE CASCADE
);
CREATE INDEX database_schemas_by_site ON database_schemas (site_id);
