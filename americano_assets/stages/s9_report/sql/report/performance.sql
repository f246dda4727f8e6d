-- Grain: one row a (scope, kind of model): `model_type`, a kind's matured predictions as of %(day)s, and once `all` of them,
-- with the kind of the newest, which counts struggles; that kind first. Figures 0-1. Of the `nights` that scored them by
-- that kind, `unseen` published too late for a learner to see, or were replays.
SELECT p.scope, p.model_type, p.versions, p.n, p.scored_from, p.scored_to, p.drawn_share, p.base_rate, p.always_no_accuracy, p.accuracy,
  p."precision", p.recall, p.auc_roc, p.ece, p.calibration, p.struggles, p.struggles_scored, p.slices, p.gaps, p.warnings, p.reason,
  s.nights, s.unseen
FROM ml.model_performance p
LEFT JOIN ml.model_performance o ON o.study_day = p.study_day AND o.scope = 'all' AND o.model_type = p.model_type
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS nights, count(*) FILTER (WHERE NOT d.live)::integer AS unseen
  FROM ml.study_days d JOIN ml.model_versions v USING (model_version)
  WHERE d.study_day BETWEEN p.scored_from AND p.scored_to AND (p.scope = 'all' OR v.model_type = p.model_type)
) s
WHERE p.study_day = %(day)s AND p.scope IN ('all', 'model_type')
ORDER BY o.study_day IS NULL, p.n DESC, p.scope, p.model_type
