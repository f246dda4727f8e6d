-- PostgreSQL: closes missions that still hold what the loader wrote; whatever the app or its user changed stays.
UPDATE missions AS m
SET
  status = c.status,
  "completedAt" = c."completedAt",
  objectives = CASE
    WHEN c.status = 'COMPLETED' AND jsonb_typeof(m.objectives) = 'array' THEN coalesce((
      SELECT jsonb_agg(
        CASE WHEN item ->> 'id' = c."objectiveId" THEN item || '{"completed": true}' ELSE item END ORDER BY place
      )
      FROM jsonb_array_elements(m.objectives) WITH ORDINALITY AS o (item, place)
    ), m.objectives)
    ELSE m.objectives
  END
FROM closed_missions AS c
WHERE m.id = c.id AND m.status = 'PENDING' AND m."completedAt" IS NULL
