-- Queries that Links run again and again by themselves, and what they gave.

CREATE TABLE registered_queries (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL,
  site_id {uuid} NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,               -- enabled | cancelled; enabled and past expires_at: completed
  frequency INTEGER NOT NULL,         -- seconds
  duration INTEGER NOT NULL,          -- seconds
  catalogue TEXT,
  key_columns {json},                 -- null: no changes row by row
  deliver_first BOOLEAN NOT NULL,
  command_size BIGINT NOT NULL,
  request_size BIGINT NOT NULL,
  sql_size BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  completed_at BIGINT,                -- of one that was cancelled
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  size_sum BIGINT NOT NULL,
  last_succeeded_at BIGINT,
  last_failed_at BIGINT,
  last_execution_ms BIGINT,
  last_hash TEXT,
  delivered INTEGER NOT NULL,         -- results so far that differed from the one before
  result_rows BIGINT,
  result_size BIGINT,
  wrapped_key {blob},                 -- its own data key, wrapped by the master key it names; null once nothing of it is kept
  command {blob},                     -- encrypted, as the next two
  detail {blob},                      -- columns of the newest result, the database's words of the last failure
  result {blob}                       -- the newest result, compressed
);
CREATE INDEX registered_by_site ON registered_queries (site_id, integrator_id) WHERE status = 'enabled';
CREATE INDEX registered_kept ON registered_queries (expires_at) WHERE wrapped_key IS NOT NULL;

-- What changed from one result to the next; kept as long as results, and up to a bound in bytes.
CREATE TABLE registered_changes (
  registered_id {uuid} NOT NULL REFERENCES registered_queries(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,            -- without gaps, from 1
  at BIGINT NOT NULL,
  size BIGINT NOT NULL,               -- bytes of JSON
  content {blob} NOT NULL,            -- encrypted, compressed
  PRIMARY KEY (registered_id, number)
);
CREATE INDEX registered_changes_by_time ON registered_changes (at);
