-- Grain: one row a learner who finished a mission in (%(after)s, %(until)s], UTC, when the newest was finished, and
-- whether a window of theirs has closed that was never judged or may still be corrected (closed after %(recheck_from)s).
SELECT m."userId" AS learner_id, max(m."completedAt") AS newest,
  EXISTS (SELECT FROM ml.episodes e WHERE e.user_id = m."userId" AND e.window_end <= %(until)s
    AND (e.outcome IS NULL OR e.window_end > %(recheck_from)s))
  OR EXISTS (SELECT FROM ml.assignments a LEFT JOIN ml.first_flag_outcomes o USING (prediction_id)
    WHERE a.user_id = m."userId" AND a.window_end <= %(until)s
    AND (o.prediction_id IS NULL OR a.window_end > %(recheck_from)s)) AS closed
FROM missions m
WHERE m."status"::text = 'COMPLETED' AND m."completedAt" > %(after)s AND m."completedAt" <= %(until)s
GROUP BY m."userId"
ORDER BY newest, m."userId"
