-- The newest study day that was published, and from which p on its model flags.
-- Grain: one row, or none before the first publication. cutoff_at UTC without zone; threshold 0-1.
SELECT d.study_day, d.cutoff_at, m.threshold
FROM ml.study_days d
JOIN ml.model_versions m USING (model_version)
ORDER BY d.study_day DESC
LIMIT 1
