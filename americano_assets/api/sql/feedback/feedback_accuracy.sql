-- How often predictions were right by the word of those whom they were about, each at its own threshold; of
-- those whose planned day has opened: up to study day %(opened)s.
-- Grain: one row. accuracy 0-1, null without feedback. Learners who opted out today are left out.
SELECT count(*) AS data_points,
       avg(((e.first_flagged_at IS NOT NULL) = f.actual_struggle)::int)::float8 AS accuracy
FROM ml.prediction_feedback AS f
JOIN ml.episodes AS e ON e.prediction_id = f.prediction_id AND e.planned_day <= %(opened)s::date
JOIN users AS u ON u.id = f.user_id
  AND u."behavioralAnalysisEnabled" AND u."includeInAnalytics" AND u."performanceTrackingEnabled"
