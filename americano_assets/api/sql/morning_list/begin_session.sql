-- Signs a browser in, and lets go of those whose time is over.
WITH over AS (
  DELETE FROM ml.adviser_sessions WHERE expires_at <= %(now)s::timestamp
)
INSERT INTO ml.adviser_sessions (session_hash, token_name, created_at, expires_at)
VALUES (%(session_hash)s::text, %(token_name)s::text, %(now)s::timestamp, %(expires_at)s::timestamp)
