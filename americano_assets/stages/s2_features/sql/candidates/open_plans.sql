-- Grain: one row a (mission, objective) that is open at the cut-off, at any date, of a learner who was there by then.
-- Times UTC.
-- $from_later_state: the plans were snapshotted too late, so columns that the app overwrites tell the future. Then a
-- mission is open unless it was completed before the cut-off, whatever its status says.
SELECT mission_id, learner_key, objective_key, planned_at, planned_day
FROM plans
WHERE created_at < $cutoff AND NOT COALESCE(completed_at < $cutoff, false)
  AND ($from_later_state
    OR (NOT objective_completed AND (status IN ('PENDING', 'IN_PROGRESS') OR completed_at >= $cutoff)))
