-- The newest figures of one scope, and what is known about the model behind them.
-- Grain: one row, or none where the scope was never measured. Figures 0-1; feature_importance: {feature: share}.
SELECT p.study_day,
       p.model_type,
       p.model_version,
       p.n AS data_points,
       p.base_rate,
       p.always_no_accuracy,
       p.accuracy,
       p."precision",
       p.recall,
       p.f1_score,
       p.auc_roc,
       p.brier,
       p.log_loss,
       p.ece,
       p.calibration,
       p.reason,
       p.computed_at AS last_updated,
       m.feature_importance
FROM ml.model_performance AS p
LEFT JOIN ml.model_versions AS m USING (model_version)
WHERE p.scope = %(scope)s::text
  AND p.scope_id = %(scope_id)s::text
ORDER BY p.study_day DESC
LIMIT 1
