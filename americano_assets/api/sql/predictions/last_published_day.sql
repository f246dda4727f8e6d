-- The latest study day that was published, and the model that scored it.
-- Grain: one row, or none before the first publication. threshold: 0-1; feature_importance: {feature: share}.
SELECT d.study_day,
       d.model_version,
       m.model_type,
       m.threshold,
       m.feature_importance
FROM ml.study_days AS d
LEFT JOIN ml.model_versions AS m USING (model_version)
ORDER BY d.study_day DESC
LIMIT 1
