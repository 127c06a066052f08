-- What integrators decide about how long their results are kept.

-- Milliseconds after its end for which the results of a query are kept, where that is less than the setting says.
ALTER TABLE queries ADD COLUMN kept_for BIGINT;
CREATE INDEX queries_kept_shorter ON queries ((completed_at + kept_for)) WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL AND kept_for IS NOT NULL;

-- When its integrator had the answer removed: none is kept any more.
ALTER TABLE idempotency_keys ADD COLUMN removed_at BIGINT;
