-- Grain: one row: the model that scored a study day, if one did. threshold: p from which on it flags, 0-1.
SELECT m.model_type, m.threshold
FROM ml.study_days d
JOIN ml.model_versions m USING (model_version)
WHERE d.study_day = %(day)s
