-- What the model foresaw that scored the last published study day before %(day)s.
-- Grain: one row, or none where there was no such day.
SELECT m.horizon_days, m.struggle_below
FROM ml.study_days d JOIN ml.model_versions m USING (model_version)
WHERE d.study_day < %(day)s
ORDER BY d.study_day DESC
LIMIT 1
