-- Grain: one row a (mission, objective). Times UTC; planned_day, the study day of the mission's date, in days since
-- 1970-01-01.
SELECT p.mission_id, l.learner_id, p.objective_id, l.learner_key, o.objective_key, o.course_id, o.course_key,
  l.created_at, p.planned_at, (c.day - DATE '1970-01-01')::INTEGER AS planned_day, p.status, p.completed_at, p.objective_completed
FROM planned_objectives p
JOIN objectives_known o USING (objective_id)
JOIN learners_known l USING (learner_id)
ASOF JOIN calendar c ON p.planned_at >= c.opens_at
