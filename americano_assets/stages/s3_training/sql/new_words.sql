-- Grain: one row: how many words of learners count at %(until)s that did not at %(since)s (UTC): said since, or said on a
-- prediction whose planned day has opened since. Up to %(opened_now)s and %(opened_before)s study days had opened by then.
SELECT count(*)::integer
FROM ml.prediction_feedback f
LEFT JOIN ml.episodes e USING (prediction_id)
WHERE f.submitted_at < %(until)s AND coalesce(e.planned_day <= %(opened_now)s, true)
  AND NOT (f.submitted_at < %(since)s AND coalesce(e.planned_day <= %(opened_before)s, true))
