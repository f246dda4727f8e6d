-- The newest before/after figures of one scope and period; none that a version before judged by windows of unlike length.
-- Grain: one row, or none where they were never computed. Rates 0-1, reduction in per cent, times UTC without zone;
-- timeline: [{date, struggle_rate, struggles_count, topics_studied}].
SELECT r.study_day,
       r.kind,
       r.baseline_rate,
       r.current_rate,
       r.reduction_percentage,
       r.baseline_start AS baseline_period_start,
       r.baseline_end AS baseline_period_end,
       r.current_start AS current_period_start,
       r.current_end AS current_period_end,
       r.baseline_studied,
       r.current_studied,
       r.replayed,
       r.timeline,
       r.reason
FROM ml.struggle_reduction AS r
WHERE r.scope = %(scope)s::text
  AND r.scope_id = %(scope_id)s::text
  AND r.period = %(period)s::text
  AND r.by_weeks
ORDER BY r.study_day DESC
LIMIT 1
