-- Grain: as topic_windows, of a cut-off that closes a study day, from what is kept of windows, perhaps of others too.
FROM topic_windows_kept
WHERE ($cutoff_day - closes_day) % $horizon_days = 0
  AND ($cutoff_day - closes_day) // $horizon_days BETWEEN 0 AND 180 // $horizon_days - 1
