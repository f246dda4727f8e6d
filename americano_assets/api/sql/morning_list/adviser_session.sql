-- Whose browser it is that is signed in, as long as its token holds.
-- Grain: one row, or none. now: UTC without zone.
SELECT t.name, t.learner_id, t.courses
FROM ml.adviser_sessions s
JOIN ml.api_tokens t ON t.name = s.token_name
WHERE s.session_hash = %(session_hash)s::text AND s.expires_at > %(now)s::timestamp AND t.courses IS NOT NULL
  AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %(now)s::timestamp)
