-- Signs a browser out.
DELETE FROM ml.adviser_sessions WHERE session_hash = %(session_hash)s::text
