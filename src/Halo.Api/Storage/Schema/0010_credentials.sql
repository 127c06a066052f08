-- Who made an enrolment token and for how often; when it was revoked. When and from where integrators' keys were used.
ALTER TABLE enrolment_tokens ADD COLUMN uses INTEGER;
ALTER TABLE enrolment_tokens ADD COLUMN created_by TEXT;
ALTER TABLE enrolment_tokens ADD COLUMN revoked_at BIGINT;
ALTER TABLE integrator_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE integrator_keys ADD COLUMN last_used_from TEXT;
