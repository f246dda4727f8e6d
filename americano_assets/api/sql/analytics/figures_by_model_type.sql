-- Figures of each kind of model whose predictions have matured, as of one study day, over everybody.
-- Grain: one row a kind of model, that of most predictions first. Figures 0-1.
SELECT model_type, versions AS model_versions, scored_from, scored_to, n AS data_points, base_rate, accuracy, "precision",
  recall, auc_roc, brier, log_loss, ece, reason
FROM ml.model_performance
WHERE study_day = %(study_day)s AND scope = 'model_type'
ORDER BY n DESC, model_type
