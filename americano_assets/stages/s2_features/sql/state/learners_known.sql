-- Grain: one row a learner who may be analysed, with the integer key of the log tables and the profile, if any. place:
-- 1, 2, … by id, since integers sort several times faster than ids.
SELECT l.learner_id, md5_number_lower(l.learner_id) AS learner_key, row_number() OVER (ORDER BY l.learner_id) AS place, l.in_analytics, l.created_at,
  p.optimal_session_minutes, p.visual, p.reading, p.kinesthetic
FROM learners l LEFT JOIN profiles p USING (learner_id)
