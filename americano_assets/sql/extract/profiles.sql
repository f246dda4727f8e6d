-- Grain: one row a learner's profile. Durations in minutes; style shares 0-1, null where absent or not a number.
SELECT
  p."userId" AS learner_id,
  p."optimalSessionDuration" AS optimal_session_minutes,
  p."averageSessionDuration" AS average_session_minutes,
  CASE WHEN jsonb_typeof(p."learningStyleProfile"->'visual') = 'number'
    THEN (p."learningStyleProfile"->>'visual')::double precision END AS visual,
  CASE WHEN jsonb_typeof(p."learningStyleProfile"->'reading') = 'number'
    THEN (p."learningStyleProfile"->>'reading')::double precision END AS reading,
  CASE WHEN jsonb_typeof(p."learningStyleProfile"->'kinesthetic') = 'number'
    THEN (p."learningStyleProfile"->>'kinesthetic')::double precision END AS kinesthetic,
  p."preferredStudyTimes"::text AS preferred_study_times
FROM user_learning_profiles p
JOIN users u ON u."id" = p."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
ORDER BY p."userId" COLLATE "C"
