-- What decides whether a query whose claim never reached its Link is queued again.

-- How often that happened.
ALTER TABLE queries ADD COLUMN lost_claims INTEGER;
-- When the Link told that the database had begun to answer.
ALTER TABLE queries ADD COLUMN reading_at BIGINT;
-- Of what runs now that was not written down: it counts as begun.
UPDATE queries SET reading_at = executing_at WHERE status = 'executing' AND mode = 'async';
