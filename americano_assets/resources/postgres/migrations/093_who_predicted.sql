-- Figures of each type of model, since pooled they are nobody's; of every row whose predictions they are and of which days;
-- of a type also its figures by part, and the differences between parts that are furthest beyond
-- chance.
ALTER TABLE ml.model_performance DROP CONSTRAINT model_performance_scope_check;
ALTER TABLE ml.model_performance
  ADD CONSTRAINT model_performance_scope_check
    CHECK (scope IN ('all', 'course', 'trained_course', 'learner', 'model_type', 'model_version')),
  ADD COLUMN made_by jsonb,          -- predictions by type of the model that made them; null: written before this was kept
  ADD COLUMN versions integer,       -- how many models made them
  ADD COLUMN scored_from date,       -- first and last study day on which they were made
  ADD COLUMN scored_to date,
  ADD COLUMN slices jsonb,           -- [{by, part, n, learners, figures}]; null: not kept in this scope
  ADD COLUMN gaps jsonb;             -- [as core/outcomes/fairness.py]; null: not kept in this scope
