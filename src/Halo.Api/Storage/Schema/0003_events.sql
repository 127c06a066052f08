-- What integrators are told, and how it gets to them.

-- How many events each integrator has had. Its row is locked until the commit, so that numbers become visible in their order.
CREATE TABLE event_counters (
  integrator_id {uuid} NOT NULL PRIMARY KEY,
  last_number BIGINT NOT NULL
);

CREATE TABLE events (
  integrator_id {uuid} NOT NULL,
  number BIGINT NOT NULL,             -- of the integrator's, without gaps, from 1
  id {uuid} NOT NULL,
  type TEXT NOT NULL,
  at BIGINT NOT NULL,
  site_id {uuid},
  data {json} NOT NULL,
  PRIMARY KEY (integrator_id, number)
);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE webhooks (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL REFERENCES integrators(id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  event_types {json} NOT NULL,
  sources {json},                     -- null: all
  style TEXT NOT NULL,                -- halo | standard
  enabled BOOLEAN NOT NULL,
  disabled_reason TEXT,               -- where the service disabled it
  failing_since BIGINT,
  wrapped_key {blob} NOT NULL,        -- its own data key, wrapped by the master key it names
  signing_keys {blob} NOT NULL,       -- encrypted
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_by_integrator ON webhooks (integrator_id);

-- How many events of each site a webhook was to be told; the nil id: of no site.
CREATE TABLE webhook_sequences (
  webhook_id {uuid} NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  site_id {uuid} NOT NULL,
  last_number BIGINT NOT NULL,
  PRIMARY KEY (webhook_id, site_id)
);

-- The outbox: written with what happened, in one transaction.
CREATE TABLE webhook_deliveries (
  id {uuid} NOT NULL PRIMARY KEY,
  webhook_id {uuid} NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  integrator_id {uuid} NOT NULL,
  sequence BIGINT NOT NULL,           -- of the webhook and site, without gaps, from 1
  event_number BIGINT NOT NULL,       -- the order of sending
  event_id {uuid} NOT NULL,
  type TEXT NOT NULL,
  at BIGINT NOT NULL,                 -- when it happened
  site_id {uuid},
  data {json} NOT NULL,
  status TEXT NOT NULL,               -- pending | delivered | givenUp
  tries INTEGER NOT NULL,             -- since it was made, or last redelivered
  waited BIGINT NOT NULL,             -- milliseconds before the last of those
  waited_sum BIGINT NOT NULL,         -- and before all of them
  next_at BIGINT,                     -- null once it has ended; while it is tried, when another takes over
  ended_at BIGINT,
  attempts {json} NOT NULL            -- what was tried, oldest first
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, next_at, event_number) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (integrator_id, id);
CREATE INDEX webhook_deliveries_of_one ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- Who is told of what happens at a site.
CREATE INDEX pairings_by_site ON pairings (site_id, integrator_id);

-- What was last told of each site: online, offline or unreachable.
CREATE TABLE site_states (
  site_id {uuid} NOT NULL PRIMARY KEY REFERENCES sites(id),
  state TEXT NOT NULL,
  since_at BIGINT NOT NULL
);
