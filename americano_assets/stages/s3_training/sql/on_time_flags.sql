-- Grain: one row an assignment that learners could see in time and that was flagged before %(before)s (naive, UTC):
-- whose training rows the help may have changed.
SELECT user_id AS learner_id, learning_objective_id AS objective_id, arm, eligible, holdout_share, flagged_at,
  window_end AS flag_window_end
FROM ml.assignments WHERE live AND flagged_at < %(before)s
