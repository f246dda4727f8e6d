-- Grain: one row an open mission of what Anki had due for a learner (%(learner)s) and has due no more, with when: done at the
-- last answer on the objective since the import before (%(before)s), else given up now (%(now)s). All times UTC.
-- Reads: staged_missions.
SELECT m.id, max(r."reviewedAt") IS NOT NULL AS done, COALESCE(max(r."reviewedAt"), %(now)s) AS at
FROM missions m
LEFT JOIN cards c ON c."objectiveId" = m.objectives -> 0 ->> 'id'
LEFT JOIN reviews r ON r."cardId" = c.id AND r."userId" = m."userId" AND (r."reviewedAt" > %(before)s) IS NOT FALSE
WHERE m.id LIKE 'cdue%%' AND m."userId" = %(learner)s AND m.status::text = 'PENDING'
  AND NOT EXISTS (SELECT FROM staged_missions s WHERE s.id = m.id)
GROUP BY m.id
