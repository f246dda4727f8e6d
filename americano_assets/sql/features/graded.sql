-- Grain: as `past`, with what `skips` says of skipped validations. window_back: 0 is [T - H, T).
SELECT *, age // $horizon_days AS window_back, false AS replaced, false AS replaced_in_window
FROM past WHERE NOT skipped
UNION ALL BY NAME
SELECT p.*, p.age // $horizon_days AS window_back, s.replaced, s.replaced_in_window
FROM past p JOIN skips s USING (learner_key, item_key, occurred_at) WHERE p.skipped
