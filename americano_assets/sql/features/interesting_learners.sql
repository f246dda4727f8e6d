-- Grain: one row a learner who may have a candidate at the cut-off: planned for the next days, or active lately
-- where there are cards at all: an objective without a plan is a candidate only with one.
SELECT DISTINCT learner_key FROM open_plans WHERE planned_at >= $cutoff AND planned_at < $planned_before
UNION
SELECT DISTINCT i.learner_key
FROM interactions i
SEMI JOIN learners_known USING (learner_key)
WHERE i.occurred_at < $cutoff AND i.study_day >= $cutoff_day - 29
  AND EXISTS (FROM objectives_known WHERE has_card)
  AND age_days(i.study_day, i.into_day, $cutoff_day, $cutoff_into) < 28
