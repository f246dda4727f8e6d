-- Grain: one row an event. Times UTC. Free text in eventData (a search query, a comment) is never selected.
SELECT
  e."id" AS event_id,
  e."userId" AS learner_id,
  e."timestamp" AS occurred_at,
  e."eventType"::text AS event_type,
  d."sessionId" AS session_id,
  COALESCE(d."objectiveId", c."objectiveId", p."objectiveId") AS objective_id,
  COALESCE(l."courseId", c."courseId") AS course_id,
  d."cardId" AS card_id,
  d."reviewId" AS review_id,
  d."promptId" AS prompt_id,
  d."responseId" AS response_id,
  d."rating" AS rating,
  CASE WHEN jsonb_typeof(e."eventData"->'score') = 'number'
    THEN (e."eventData"->>'score')::double precision END AS score,
  CASE WHEN jsonb_typeof(e."eventData"->'durationMs') = 'number'
    THEN (e."eventData"->>'durationMs')::double precision END AS duration_ms,
  COALESCE(d."eventType" = 'pause', false) AS is_pause,
  e."sessionPerformanceScore" AS session_performance_score,
  e."experimentPhase"::text AS experiment_phase
FROM behavioral_events e
JOIN users u ON u."id" = e."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
-- Texts that are read more than once are taken out of the JSON once: that is what OFFSET 0 is for.
CROSS JOIN LATERAL (
  SELECT e."eventData"->>'sessionId' AS "sessionId", e."eventData"->>'objectiveId' AS "objectiveId",
    e."eventData"->>'cardId' AS "cardId", e."eventData"->>'reviewId' AS "reviewId",
    e."eventData"->>'promptId' AS "promptId", e."eventData"->>'responseId' AS "responseId",
    e."eventData"->>'rating' AS "rating", e."eventData"->>'eventType' AS "eventType"
  OFFSET 0
) d
LEFT JOIN cards c ON c."id" = d."cardId"
LEFT JOIN validation_prompts p ON p."id" = d."promptId"
LEFT JOIN learning_objectives o ON o."id" = COALESCE(d."objectiveId", c."objectiveId", p."objectiveId")
LEFT JOIN lectures l ON l."id" = o."lectureId"
WHERE e."timestamp" >= {start} AND e."timestamp" < {end}
ORDER BY width_bucket(e."timestamp", {openings}), e."userId" COLLATE "C", e."timestamp", e."id" COLLATE "C"
