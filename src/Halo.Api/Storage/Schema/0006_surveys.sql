-- One command asked of many sites.

CREATE TABLE surveys (
  id {uuid} NOT NULL PRIMARY KEY,
  integrator_id {uuid} NOT NULL,
  tag TEXT,
  at_once INTEGER NOT NULL,
  sites INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,        -- what has not begun by then does not begin
  cancelled_at BIGINT,
  finished_at BIGINT,
  wrapped_key {blob},                 -- a data key, wrapped by the master key it names; null with the request
  request {blob}                      -- what is asked, encrypted; null once it is finished
);
CREATE INDEX surveys_by_integrator ON surveys (integrator_id, id);
CREATE INDEX surveys_running ON surveys (integrator_id) WHERE finished_at IS NULL;

-- What is asked of a site is an async query like any other, made in the transaction that turns its row from waiting to asked: so each is asked once.
CREATE TABLE survey_sites (
  survey_id {uuid} NOT NULL REFERENCES surveys(id) ON DELETE CASCADE,
  site_id {uuid} NOT NULL,
  state TEXT NOT NULL,                -- waiting | asked | refused | expired | cancelled
  query_id {uuid},
  refused_code TEXT,
  refused_text TEXT,
  PRIMARY KEY (survey_id, site_id)
);
