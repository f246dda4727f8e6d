-- Grain: as `past`. A skipped validation is 0 until a later answer to the same prompt replaces it (`replaced`);
-- in a label window only an answer inside that window does (`replaced_in_window`). window_back: 0 is [T - H, T).
WITH answers AS (
  SELECT s.learner_key, s.item_key, s.source_id, min(a.occurred_at) AS answered_at, max(a.age) AS answered_age
  FROM past s
  JOIN past a ON a.learner_key = s.learner_key AND a.item_key = s.item_key AND a.occurred_at >= s.occurred_at
    AND a.kind = 'validation' AND NOT a.skipped
  WHERE s.skipped
  GROUP BY ALL
)
SELECT p.*, p.age // $horizon_days AS window_back, false AS replaced, false AS replaced_in_window
FROM past p WHERE NOT p.skipped
UNION ALL
SELECT p.*, p.age // $horizon_days, a.answered_at IS NOT NULL,
  COALESCE(a.answered_age // $horizon_days = p.age // $horizon_days, false)
FROM past p
LEFT JOIN answers a ON a.learner_key = p.learner_key AND a.item_key = p.item_key AND a.source_id = p.source_id
WHERE p.skipped
