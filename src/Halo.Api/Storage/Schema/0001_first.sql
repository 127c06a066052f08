-- One text for SQLite and PostgreSQL. Three words differ and are put in when the script is applied:
-- {uuid} (TEXT COLLATE NOCASE | uuid), {blob} (BLOB | bytea), {json} (TEXT | text).
-- Times are milliseconds since 1970 UTC, by the API's clock.

CREATE TABLE integrators (
  id {uuid} NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  allowed_addresses {json},
  pair_without_code {json},
  rate_limit INTEGER,
  quota BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Keys are 256 random bits; only their SHA-256 is kept.
CREATE TABLE integrator_keys (
  integrator_id {uuid} NOT NULL REFERENCES integrators(id) ON DELETE CASCADE,
  slot TEXT NOT NULL,
  key_hash {blob} NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (integrator_id, slot)
);

CREATE TABLE links (
  id {uuid} NOT NULL PRIMARY KEY,
  public_key_x TEXT NOT NULL,
  public_key_y TEXT NOT NULL,
  status TEXT NOT NULL,               -- enrolled | waiting | revoked
  version TEXT NOT NULL,
  version_since BIGINT NOT NULL DEFAULT 0,
  machine_id TEXT,
  host {json},
  last_claim_number BIGINT NOT NULL,
  run_id {uuid},                      -- of the session that said Hello last: it alone may claim
  session_id {uuid},
  last_heard_at BIGINT,
  closed_in_order BOOLEAN NOT NULL,
  heartbeat {json},                   -- the last one, as it came
  also_seen {json},                   -- a second run of it that was refused: a cloned or restored server
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE sites (
  id {uuid} NOT NULL PRIMARY KEY,
  link_id {uuid} NOT NULL REFERENCES links(id),
  status TEXT NOT NULL,
  engine TEXT NOT NULL,
  pms_name TEXT NOT NULL,             -- as at installation
  pms_id TEXT NOT NULL,
  pms_version TEXT,
  practice_name TEXT,
  catalogues {json} NOT NULL,
  metadata {json} NOT NULL,           -- as last refreshed from the site
  enriched_at BIGINT NOT NULL,
  authoritative BOOLEAN NOT NULL,
  authority_shared BOOLEAN NOT NULL,  -- a practice of which every site is authoritative (developers' licence)
  confirmed BOOLEAN NOT NULL,
  version_too_old BOOLEAN NOT NULL DEFAULT FALSE, -- its PMS is below the setting's minimum: nothing is claimed there
  database_identity TEXT,
  machine_id TEXT,
  reported_pms_name TEXT,             -- what the Link last said: an operator's confirmation takes these over
  reported_pms_id TEXT,
  reported_database_identity TEXT,
  reported_machine_id TEXT,
  database_health {json},
  heartbeat_at BIGINT,
  client_clock_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX sites_by_link ON sites (link_id);
CREATE INDEX sites_by_practice ON sites (pms_id, pms_name);
-- What makes "one authoritative site for each practice" hold under any concurrency.
CREATE UNIQUE INDEX sites_one_authoritative ON sites (pms_id, pms_name) WHERE authoritative AND NOT authority_shared;

CREATE TABLE pairings (
  integrator_id {uuid} NOT NULL REFERENCES integrators(id) ON DELETE CASCADE,
  site_id {uuid} NOT NULL REFERENCES sites(id),
  paired_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (integrator_id, site_id)
);

-- Codes made at practices; only an HMAC over site and code is kept. One that was used is gone.
CREATE TABLE pairing_codes (
  id {uuid} NOT NULL PRIMARY KEY,
  site_id {uuid} NOT NULL REFERENCES sites(id),
  code_hmac {blob} NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX pairing_codes_by_site ON pairing_codes (site_id);

-- Wrong codes of the last hour: too many close the door to their integrator.
CREATE TABLE pairing_failures (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL REFERENCES integrators(id) ON DELETE CASCADE,
  at BIGINT NOT NULL
);
CREATE INDEX pairing_failures_by_integrator ON pairing_failures (integrator_id, at);

-- Nonces that were used: those that are only given out are not written.
CREATE TABLE nonces (
  nonce TEXT NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX nonces_by_expiry ON nonces (expires_at);

CREATE TABLE enrolment_tokens (
  id {uuid} NOT NULL PRIMARY KEY,
  token_hash {blob} NOT NULL UNIQUE,
  uses_left INTEGER NOT NULL,
  pms_name TEXT,
  pms_id TEXT,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

-- Which master keys this store has been used with: a lost one is noticed at start, before anything is written with another.
CREATE TABLE master_keys (
  key_id TEXT NOT NULL PRIMARY KEY,
  created_at BIGINT NOT NULL
);

-- The service's own signing keys, wrapped by the master key that each blob names.
CREATE TABLE api_keys (
  id {uuid} NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL UNIQUE,
  wrapped_key {blob} NOT NULL,
  created_at BIGINT NOT NULL
);

-- The directory: which node holds which Link's session.
CREATE TABLE link_sessions (
  link_id {uuid} NOT NULL PRIMARY KEY REFERENCES links(id),
  session_id {uuid} NOT NULL,
  run_id {uuid} NOT NULL,
  node_address TEXT NOT NULL,
  opened_at BIGINT NOT NULL
);

-- When a site's Link opened a session (online), closed it in order (offline), or lost it (lost).
CREATE TABLE site_contacts (
  site_id {uuid} NOT NULL REFERENCES sites(id),
  at BIGINT NOT NULL,
  contact TEXT NOT NULL,
  PRIMARY KEY (site_id, at)
);

-- When this service was up: what no row covers is its own downtime. until_at is marked once a minute.
CREATE TABLE api_uptimes (
  id {uuid} NOT NULL PRIMARY KEY,
  node_address TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL
);

-- The ledger.
CREATE TABLE queries (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL,
  site_id {uuid} NOT NULL,
  link_id {uuid},
  run_id {uuid},
  session_id {uuid},                  -- over which it was sent or claimed
  mode TEXT NOT NULL,
  status TEXT NOT NULL,
  executed TEXT,
  tag TEXT,
  catalogue TEXT,
  result_set INTEGER NOT NULL,
  max_time_in_queue INTEGER NOT NULL,
  execution_limit INTEGER NOT NULL,   -- milliseconds
  command_size BIGINT NOT NULL,
  request_size BIGINT NOT NULL,
  sql_size BIGINT NOT NULL,
  claim_id {uuid},
  claim_number BIGINT,
  handed_back_claim {uuid},           -- the last claim that gave it back unstarted, to know a repeat of its report
  settled_by TEXT,                    -- api | link | integrator | operator | restore, once final
  cancel_asked_at BIGINT,
  created_at BIGINT NOT NULL,
  queued_at BIGINT,
  executing_at BIGINT,
  uploading_at BIGINT,
  completed_at BIGINT,
  updated_at BIGINT NOT NULL,
  deadline_at BIGINT,                 -- when the API moves it on by itself; null once final
  rows_count BIGINT,
  rows_affected BIGINT,
  result_size BIGINT,
  page_count INTEGER,
  digest TEXT,
  result_sets INTEGER,
  lane_ms DOUBLE PRECISION,
  execute_ms DOUBLE PRECISION,
  encode_ms DOUBLE PRECISION,
  upload_ms DOUBLE PRECISION,
  error_type TEXT,                    -- whose error; these three stay plain for billing and operations
  error_code INTEGER,
  failure_code TEXT,
  wrapped_key {blob},                 -- the query's own data key, wrapped by the master key it names; null once its results are no longer kept
  detail {blob},                      -- encrypted: columns, output parameters, the database's words
  trace_parent TEXT                   -- W3C, where the caller's trace goes on at the Link
);
-- With the status in front, for SQLite: else it takes queries_listed for as good, and reads all that an integrator ever asked.
CREATE INDEX queries_waiting ON queries (status, site_id, integrator_id, id) WHERE status = 'queued';
CREATE INDEX queries_kept ON queries (completed_at) WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL;
CREATE INDEX queries_by_deadline ON queries (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX queries_with_link ON queries (link_id, claim_number) WHERE status IN ('executing', 'uploading');
CREATE INDEX queries_listed ON queries (integrator_id, site_id, id);
CREATE INDEX queries_tagged ON queries (integrator_id, site_id, tag, id) WHERE tag IS NOT NULL;
CREATE INDEX queries_by_site ON queries (site_id, id);

-- Encrypted command of an async query; gone when the query is final.
CREATE TABLE query_commands (
  query_id {uuid} NOT NULL PRIMARY KEY REFERENCES queries(id),
  command {blob} NOT NULL
);

-- Which request a key of an integrator stands for, and the answer that it had; old ones go when new ones are made.
CREATE TABLE idempotency_keys (
  integrator_id {uuid} NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash {blob} NOT NULL,       -- SHA-256 of method, path with query string, and body
  query_id {uuid} NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  answer_size BIGINT,                 -- bytes before encryption; these three are null where the answer is not kept
  wrapped_key {blob},                 -- a data key of the query, wrapped by the master key it names
  answer {blob},                      -- encrypted
  PRIMARY KEY (integrator_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
CREATE INDEX idempotency_keys_by_query ON idempotency_keys (query_id);

-- Whose turn it is: claims take from the integrator that was served least recently at the site.
CREATE TABLE site_turns (
  site_id {uuid} NOT NULL,
  integrator_id {uuid} NOT NULL,
  served_number BIGINT NOT NULL,
  PRIMARY KEY (site_id, integrator_id)
);

-- The manifest: a page without its row does not exist.
CREATE TABLE pages (
  query_id {uuid} NOT NULL REFERENCES queries(id),
  page_number INTEGER NOT NULL,
  row_start BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  json_size BIGINT NOT NULL,
  stored_size BIGINT NOT NULL,
  digest TEXT NOT NULL,               -- SHA-256 of the compressed bytes, base64
  created_at BIGINT NOT NULL,
  PRIMARY KEY (query_id, page_number)
);

CREATE TABLE audit (
  id {uuid} NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail {json}
);
CREATE INDEX audit_by_time ON audit (at);

-- Remote configuration: the default for all (the nil id) and one row per site. What is taken away leaves its row, so that
-- versions only grow.
CREATE TABLE remote_configurations (
  site_id {uuid} NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  settings {json},
  updated_at BIGINT NOT NULL
);

-- What each Link last said that it runs.
CREATE TABLE applied_configurations (
  link_id {uuid} NOT NULL PRIMARY KEY REFERENCES links(id),
  version BIGINT NOT NULL,
  refused {json} NOT NULL,
  reported_at BIGINT NOT NULL
);
