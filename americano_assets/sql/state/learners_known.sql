-- Grain: one row a learner who may be analysed, with the integer key of the log tables and the profile, if any.
SELECT l.learner_id, md5_number_lower(l.learner_id) AS learner_key, l.in_analytics, l.created_at,
  p.optimal_session_minutes, p.visual, p.reading, p.kinesthetic
FROM learners l LEFT JOIN profiles p USING (learner_id)
