-- The mission that is named or, where none is, the learner's next open one; and whether something can be noted in it: not
-- where missions is a view that PostgreSQL cannot update.
-- Grain: one row, or none. from_at: UTC without zone, the start of the present study day; zone: of the study day.
SELECT m.id, m.status::text AS status, m.objectives,
       pg_column_is_updatable(a.attrelid, a.attnum, false) AS takes_notes
FROM missions AS m
JOIN pg_attribute AS a ON a.attrelid = 'missions'::regclass AND a.attname = 'objectives'
WHERE m."userId" = %(user_id)s::text
  AND CASE WHEN %(mission_id)s::text IS NULL
        THEN m.status::text = ANY (%(open)s::text[])
          AND ml.planned_instant(m."date", %(zone)s::text) >= %(from_at)s::timestamp
        ELSE m.id = %(mission_id)s::text END
ORDER BY ml.planned_instant(m."date", %(zone)s::text), m.id
LIMIT 1
