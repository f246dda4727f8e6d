-- Who a bearer token is.
-- Grain: one row. any_token: whether this database ever had one; known: whether this one may
-- come in at %(now)s (UTC without zone); learner_id: the only learner whose rows it opens, null for every learner's;
-- courses: an adviser's, whose morning list it opens and nothing else, null of any other.
SELECT EXISTS (SELECT 1 FROM ml.api_tokens) AS any_token,
       t.name IS NOT NULL AS known,
       t.name,
       t.learner_id,
       t.courses
FROM (SELECT 1) AS one
LEFT JOIN ml.api_tokens AS t
  ON t.token_hash = %(token_hash)s::text
 AND t.revoked_at IS NULL
 AND (t.expires_at IS NULL OR t.expires_at > %(now)s::timestamp)
