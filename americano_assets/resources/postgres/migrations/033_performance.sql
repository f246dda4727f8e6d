-- Figures of each model version beside those of everybody and of courses; average precision; and how many struggles
-- there were that no night had scored: recall among scored pairs says nothing of those.
ALTER TABLE ml.model_performance DROP CONSTRAINT model_performance_scope_check;
ALTER TABLE ml.model_performance
  ADD CONSTRAINT model_performance_scope_check CHECK (scope IN ('all', 'course', 'learner', 'model_version')),
  ADD COLUMN average_precision double precision,
  ADD COLUMN struggles integer,       -- of the newest closed window, whoever was scored; null: not counted in this scope
  ADD COLUMN struggles_scored integer; -- of those, the ones that a night had scored before the window closed
