-- Grain: one row a staged prediction that may alert its learner: it is flagged, it now stands at this cut-off, is open,
-- ahead, its episode is not held out, and its learner has no alert of a later study day. Learner after learner.
-- %(at)s: the cut-off (UTC). No row stood there when the table was last analyzed: compared with it, the planner takes one row
-- for all of them, and looks through what is staged for each. Every staged row is of the cut-off.
SELECT q."id" AS prediction_id, q."userId" AS learner_id, q."learningObjectiveId" AS objective_id,
  s.planned, s."predictionDate" AS planned_at, s."predictedStruggleProbability" AS probability,
  s."predictionConfidence" AS confidence, s.load AS cognitive_load_indicator,
  s.load IS NOT NULL AS observed_cognitive_load_indicator, s."strugglingFactors" -> 0 ->> 'text' AS reason
FROM struggle_predictions q
JOIN staged_struggle_predictions s ON s."id" = q."id" AND s.flagged
JOIN ml.assignments a ON a.prediction_id = q."id" AND a.arm = 'treated'
WHERE q."predictedAt" = s."predictedAt" AND q."predictionStatus"::text = 'PENDING' AND q."predictionDate" >= %(at)s
  AND NOT EXISTS (SELECT FROM ml.alerts l WHERE l.user_id = q."userId" AND l.study_day > %(study_day)s)
ORDER BY q."userId"
