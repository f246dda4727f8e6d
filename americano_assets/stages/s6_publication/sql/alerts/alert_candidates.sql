-- Grain: one row a staged prediction that may alert its learner: it now stands at this cut-off, is open, ahead, its
-- episode is not held out, and its learner has no alert of a later study day. %(at)s: the cut-off (UTC).
SELECT q."id" AS prediction_id
FROM struggle_predictions q
JOIN staged_struggle_predictions s ON s."id" = q."id"
JOIN ml.assignments a ON a.prediction_id = q."id" AND a.arm = 'treated'
WHERE q."predictedAt" = %(at)s AND q."predictionStatus"::text = 'PENDING' AND q."predictionDate" >= %(at)s
  AND NOT EXISTS (SELECT FROM ml.alerts l WHERE l.user_id = q."userId" AND l.study_day > %(study_day)s)
