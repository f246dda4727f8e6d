-- A course's matured predictions that a trained model made: calibration is judged on these.
ALTER TABLE ml.model_performance DROP CONSTRAINT model_performance_scope_check;
ALTER TABLE ml.model_performance ADD CONSTRAINT model_performance_scope_check
  CHECK (scope IN ('all', 'course', 'trained_course', 'learner', 'model_version'));
