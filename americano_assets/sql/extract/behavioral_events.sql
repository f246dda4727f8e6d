-- Grain: one row an event. Times UTC. Free text in eventData (a search query, a comment) is never selected.
SELECT
  e."id" AS event_id,
  e."userId" AS learner_id,
  e."timestamp" AS occurred_at,
  e."eventType"::text AS event_type,
  e."eventData"->>'sessionId' AS session_id,
  COALESCE(e."eventData"->>'objectiveId', c."objectiveId", p."objectiveId") AS objective_id,
  COALESCE(l."courseId", c."courseId") AS course_id,
  e."eventData"->>'cardId' AS card_id,
  e."eventData"->>'reviewId' AS review_id,
  e."eventData"->>'promptId' AS prompt_id,
  e."eventData"->>'responseId' AS response_id,
  e."eventData"->>'rating' AS rating,
  CASE WHEN jsonb_typeof(e."eventData"->'score') = 'number'
    THEN (e."eventData"->>'score')::double precision END AS score,
  CASE WHEN jsonb_typeof(e."eventData"->'durationMs') = 'number'
    THEN (e."eventData"->>'durationMs')::double precision END AS duration_ms,
  COALESCE(e."eventData"->>'eventType' = 'pause', false) AS is_pause,
  e."sessionPerformanceScore" AS session_performance_score,
  e."experimentPhase"::text AS experiment_phase
FROM behavioral_events e
JOIN users u ON u."id" = e."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
LEFT JOIN cards c ON c."id" = e."eventData"->>'cardId'
LEFT JOIN validation_prompts p ON p."id" = e."eventData"->>'promptId'
LEFT JOIN learning_objectives o ON o."id" = COALESCE(e."eventData"->>'objectiveId', c."objectiveId", p."objectiveId")
LEFT JOIN lectures l ON l."id" = o."lectureId"
WHERE e."timestamp" >= {start} AND e."timestamp" < {end}
ORDER BY width_bucket(e."timestamp", {openings}), e."userId" COLLATE "C", e."timestamp", e."id" COLLATE "C"
