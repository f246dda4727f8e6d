-- The adviser's token of a name, as long as it holds.
-- Grain: one row, or none. now: UTC without zone.
SELECT name, learner_id, courses
FROM ml.api_tokens
WHERE name = %(adviser)s::text AND courses IS NOT NULL AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > %(now)s::timestamp)
