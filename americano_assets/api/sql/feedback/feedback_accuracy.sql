-- How often predictions were right by the word of those whom they were about, each at its own threshold.
-- Grain: one row. accuracy 0-1, null without feedback. Learners who opted out today are left out.
SELECT count(*) AS data_points,
       avg(((e.first_flagged_at IS NOT NULL) = f.actual_struggle)::int)::float8 AS accuracy
FROM ml.prediction_feedback AS f
JOIN ml.episodes AS e USING (prediction_id)
JOIN users AS u ON u.id = f.user_id
  AND u."behavioralAnalysisEnabled" AND u."includeInAnalytics" AND u."performanceTrackingEnabled"
