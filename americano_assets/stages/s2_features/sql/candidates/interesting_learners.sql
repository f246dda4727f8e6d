-- Grain: one row a learner who may have a candidate at the cut-off: planned for the next days, or active lately
-- where there are cards at all: an objective without a plan is a candidate only with one.
SELECT DISTINCT learner_key FROM open_plans WHERE planned_at >= $cutoff AND planned_at < $planned_before
UNION
SELECT DISTINCT t.learner_key
FROM day_totals t
SEMI JOIN learners_known USING (learner_key)
WHERE t.study_day BETWEEN $cutoff_day - 29 AND $cutoff_day
  AND age_days(t.study_day, $cutoff_into * t.late::INTEGER, $cutoff_day, $cutoff_into) BETWEEN 0 AND 27
  AND EXISTS (FROM objectives_known WHERE has_card)
