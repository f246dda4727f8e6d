-- Grain: one row, or none: before and after over everybody, since the beginning, as of %(day)s; no rate of fewer than
-- %(least)s (objective, week)s. `replayed`: replays alone came before it, in which nobody was helped; where a night before it was live
-- some may have been.
SELECT
  CASE WHEN is_told THEN baseline_rate END AS baseline_rate,
  CASE WHEN is_told THEN current_rate END AS current_rate,
  CASE WHEN is_told THEN reduction_percentage END AS reduction_percentage,
  baseline_studied, current_studied,
  replayed AND NOT EXISTS (
    SELECT FROM ml.study_days d WHERE d.live AND d.study_day < r.study_day
  ) AS replayed,
  CASE WHEN NOT by_weeks THEN 'a version before computed it, by windows of unlike length: run the night again'
    WHEN is_told OR reason IS NOT NULL THEN reason
    ELSE format('%%s outcomes of an objective in a week are known before and %%s since; %%s each are needed', baseline_studied,
      current_studied, %(least)s)
  END AS reason,
  baseline_start, current_end
FROM (
  SELECT *, by_weeks AND least(baseline_studied, current_studied) >= %(least)s AS is_told
  FROM ml.struggle_reduction
  WHERE study_day = %(day)s AND scope = 'all' AND period = 'all'
) r
