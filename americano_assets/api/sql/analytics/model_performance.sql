-- The newest figures of one scope, and what is known about the model behind them. Over everybody they are those of the kind
-- of model that made the newest prediction: pooled with another's they would be neither's. Nights of earlier versions kept
-- them pooled alone: then those.
-- Grain: one row, or none where the scope was never measured. Figures 0-1; feature_importance: {feature: share}; made_by:
-- {model type: predictions}, null where an earlier version did not keep it.
WITH newest AS (
  SELECT *
  FROM ml.model_performance
  WHERE scope = %(scope)s::text AND scope_id = %(scope_id)s::text
  ORDER BY study_day DESC
  LIMIT 1
),
own AS (
  SELECT p.*
  FROM ml.model_performance AS p
  JOIN newest AS n USING (study_day)
  WHERE n.scope = 'all' AND p.scope = 'model_type' AND p.scope_id = n.model_type
)
SELECT p.scope, p.scope_id,
       p.study_day,
       p.model_type,
       p.model_version,
       p.versions AS model_versions,
       p.made_by,
       p.scored_from,
       p.scored_to,
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
FROM (SELECT * FROM own UNION ALL SELECT * FROM newest WHERE NOT EXISTS (SELECT FROM own)) AS p
LEFT JOIN ml.model_versions AS m USING (model_version)
