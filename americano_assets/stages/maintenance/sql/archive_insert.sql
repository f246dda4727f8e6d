-- Takes the chosen predictions out of the app's table and keeps them as they stood. Reads: moving ("id"), and
-- moving_beside (table_name, prediction_id, content), what was taken out before.
WITH gone AS (
  DELETE FROM struggle_predictions p USING moving m WHERE p."id" = m."id" RETURNING p.*
)
INSERT INTO ml.struggle_predictions_archive
  (prediction_id, user_id, predicted_at, prediction_date, applied, prediction, indicators, recommendations, archived_at)
SELECT g."id", g."userId", g."predictedAt", g."predictionDate",
  (SELECT count(*) FROM moving_beside b WHERE b.prediction_id = g."id" AND b.content ->> 'appliedAt' IS NOT NULL),
  to_jsonb(g), COALESCE(i.contents, '[]'), COALESCE(r.contents, '[]'), %(now)s
FROM gone g
LEFT JOIN (SELECT prediction_id, jsonb_agg(content ORDER BY content ->> 'id') AS contents FROM moving_beside
  WHERE table_name = 'struggle_indicators' GROUP BY 1) i ON i.prediction_id = g."id"
LEFT JOIN (SELECT prediction_id, jsonb_agg(content ORDER BY content ->> 'id') AS contents FROM moving_beside
  WHERE table_name = 'intervention_recommendations' GROUP BY 1) r ON r.prediction_id = g."id"
