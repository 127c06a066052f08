-- People and programs that operate the service, each with a key of its own.
CREATE TABLE operators (
  id {uuid} NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,      -- lower-cased; never given twice, so that the audit log is never ambiguous
  role TEXT NOT NULL,                 -- viewer | support | operator | owner
  key_hash {blob} NOT NULL,           -- SHA-256
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,           -- as the audit log names who did it
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT,                -- to the minute
  last_used_from TEXT
);
