-- Grain: no row: a log has no plans.
SELECT '' AS mission_id, '' AS learner_id, '' AS objective_id, NULL::TIMESTAMP AS planned_at, '' AS status,
  NULL::TIMESTAMP AS completed_at, false AS objective_completed WHERE false
