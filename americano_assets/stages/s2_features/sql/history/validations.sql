-- Grain: one row a validation of the last 180 study days before the cut-off, answered or skipped.
-- A view, as `totals`.
SELECT *, age_days(study_day, into_day, $cutoff_day, $cutoff_into) AS age
FROM day_validations {of_interest}
WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 181 AND age < 180
