-- Grain: one row where what now stands is later than %(at)s (UTC) and %(study_day)s: a later day was published or, of
-- one learner (%(learner)s), a call for a later moment was first to write. Its alerts stay.
SELECT 1
WHERE EXISTS (SELECT FROM ml.study_days d WHERE d.study_day > %(study_day)s)
  OR %(learner)s::text IS NOT NULL AND EXISTS (
    SELECT FROM staged_struggle_predictions s JOIN struggle_predictions q ON q."id" = s."id"
    WHERE q."predictedAt" > %(at)s)
