-- The mission that is named or, where none is, the learner's next open one; locked until the transaction ends.
-- Grain: one row, or none. from_at: UTC without zone, the start of the present study day; zone: of the study day.
SELECT id, status::text AS status, objectives
FROM missions
WHERE "userId" = %(user_id)s::text
  AND CASE WHEN %(mission_id)s::text IS NULL
        THEN status::text = ANY (%(open)s::text[])
          AND ml.planned_instant("date", %(zone)s::text) >= %(from_at)s::timestamp
        ELSE id = %(mission_id)s::text END
ORDER BY ml.planned_instant("date", %(zone)s::text), id
LIMIT 1
FOR UPDATE
