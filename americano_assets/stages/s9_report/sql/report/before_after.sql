-- Grain: one row, or none: before and after over everybody, since the beginning, as of %(day)s. `replayed`: replays alone
-- came before it, in which nobody was helped; where a night before it was live some may have been.
SELECT baseline_rate, current_rate, reduction_percentage, baseline_studied, current_studied,
  replayed AND NOT EXISTS (
    SELECT FROM ml.study_days d WHERE d.live AND d.study_day < r.study_day
  ) AS replayed,
  reason
FROM ml.struggle_reduction r
WHERE r.study_day = %(day)s AND scope = 'all' AND period = 'all'
