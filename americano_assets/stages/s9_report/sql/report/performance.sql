-- Grain: one row, or none: figures over everybody's matured predictions, as of %(day)s.
SELECT n, base_rate, always_no_accuracy, accuracy, "precision", recall, auc_roc, brier, ece, calibration, struggles,
  struggles_scored, model_type, model_version, reason
FROM ml.model_performance
WHERE study_day = %(day)s AND scope = 'all'
