-- Grain: one row, or none: before and after over everybody, since the beginning, as of %(day)s.
SELECT baseline_rate, current_rate, reduction_percentage, baseline_studied, current_studied, replayed, reason
FROM ml.struggle_reduction
WHERE study_day = %(day)s AND scope = 'all' AND period = 'all'
