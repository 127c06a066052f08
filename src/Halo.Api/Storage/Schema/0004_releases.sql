-- Releases of Halo Link, and how each Link stands with them. The bundles are files beside the store.

CREATE TABLE releases (
  version TEXT NOT NULL PRIMARY KEY,
  status TEXT NOT NULL,               -- active | paused | stopped | withdrawn
  reason TEXT,
  ring_canary INTEGER NOT NULL,       -- percent of the ring's Links that are offered it
  ring_early INTEGER NOT NULL,
  ring_all INTEGER NOT NULL,
  counted_from BIGINT NOT NULL,       -- failures before do not count: an operator has seen them
  uploaded_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE release_bundles (
  version TEXT NOT NULL REFERENCES releases(version) ON DELETE CASCADE,
  system TEXT NOT NULL,
  architecture TEXT NOT NULL,
  digest TEXT NOT NULL,               -- SHA-256 of the bundle, by which its file is found
  length BIGINT NOT NULL,
  minimum_from TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (version, system, architecture)
);

CREATE TABLE link_updates (
  link_id {uuid} NOT NULL PRIMARY KEY,
  ring TEXT NOT NULL,
  pinned TEXT,                        -- a version for this Link alone
  system TEXT,                        -- null: it has no updater
  architecture TEXT
);

-- What became of a release at a Link.
CREATE TABLE update_attempts (
  link_id {uuid} NOT NULL,
  version TEXT NOT NULL,
  ring TEXT NOT NULL,                 -- in which the Link was
  state TEXT NOT NULL,                -- updating | installed | rolledBack | refused | failed | silent
  message TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (link_id, version)
);
