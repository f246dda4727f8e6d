-- Grain: one row a learner's profile. Durations in minutes; style shares 0-1, null where absent. …_json: whether
-- that JSON could be read.
SELECT
  p."userId" AS learner_id,
  p."optimalSessionDuration" AS optimal_session_minutes,
  p."averageSessionDuration" AS average_session_minutes,
  ml.json_number(j.style->'visual') AS visual,
  ml.json_number(j.style->'reading') AS reading,
  ml.json_number(j.style->'kinesthetic') AS kinesthetic,
  j.times::text AS preferred_study_times,
  COALESCE(jsonb_typeof(j.style) IN ('object', 'null'), true) AS learning_style_profile_json,
  COALESCE(jsonb_typeof(j.times) IN ('array', 'null') OR j.times = '{}', true) AS preferred_study_times_json
FROM user_learning_profiles p
JOIN users u ON u."id" = p."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
CROSS JOIN LATERAL (
  SELECT ml.json_content(p."learningStyleProfile") AS style, ml.json_content(p."preferredStudyTimes") AS times
  OFFSET 0
) j
ORDER BY p."userId" COLLATE "C"
