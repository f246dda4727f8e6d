-- Grain: one row where what now stands is later than %(at)s (UTC) and %(study_day)s: a later day was published or, of
-- one learner (%(learner)s), a call for a later moment was first to write. Its alerts stay, but for
-- what a clock ahead of the server's once stamped.
SELECT 1
WHERE EXISTS (SELECT FROM ml.study_days d WHERE d.study_day > %(study_day)s
    AND d.published_at <= (clock_timestamp() AT TIME ZONE 'UTC') + INTERVAL '5 minutes')
  OR %(learner)s::text IS NOT NULL AND EXISTS (
    SELECT FROM staged_struggle_predictions s JOIN struggle_predictions q ON q."id" = s."id"
    WHERE q."predictedAt" > %(at)s AND q."predictedAt" <= (clock_timestamp() AT TIME ZONE 'UTC') + INTERVAL '5 minutes')
