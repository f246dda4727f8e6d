-- PostgreSQL: brings missions that still are as the loader left them to their present state; a status that the app or its
-- user changed stays, and so do objectives that they changed.
UPDATE missions AS m
SET
  status = n.status,
  "completedAt" = n."completedAt",
  "actualMinutes" = n."actualMinutes",
  objectives = CASE WHEN m.objectives = n.was_objectives THEN n.objectives ELSE m.objectives END
FROM moved_missions AS n
WHERE m.id = n.id AND m.status = n.was_status
