-- Operators who are signed in to the console.
CREATE TABLE console_sessions (
  token_hash {blob} NOT NULL PRIMARY KEY,   -- SHA-256 of the cookie's token
  operator_id {uuid},                       -- NULL: signed in with the admin key
  key_mark {blob} NOT NULL,                 -- SHA-256 of the key's hash: a session ends when its key is replaced
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,             -- to the minute
  expires_at BIGINT NOT NULL
);
CREATE INDEX console_sessions_expires ON console_sessions (expires_at);
