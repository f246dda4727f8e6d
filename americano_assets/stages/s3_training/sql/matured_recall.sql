-- Grain: one row, or none: recall (0-1) and the number of struggles of the newest night before %(day)s, of the kind of model that
-- made the newest matured prediction; of a night of an earlier version, which kept no kind's own, over all.
SELECT p.recall, p.base_rate * p.n AS struggles
FROM ml.model_performance o
JOIN ml.model_performance p ON p.study_day = o.study_day
  AND (p.scope = 'all' OR p.scope = 'model_type' AND p.scope_id = o.model_type)
WHERE o.scope = 'all' AND o.study_day < %(day)s
ORDER BY o.study_day DESC, p.scope = 'all'
LIMIT 1
