-- Grain: one row an event. Times UTC. Free text in eventData (a search query, a comment) is never selected, nor what an
-- event holds beside what is read of its type.
-- event_data_json: whether what is read of it could be.
SELECT
  e."id" AS event_id,
  e."userId" AS learner_id,
  e."timestamp" AS occurred_at,
  d.event_type,
  d."sessionId" AS session_id,
  COALESCE(d."objectiveId", c."objectiveId", p."objectiveId") AS objective_id,
  COALESCE(l."courseId", c."courseId") AS course_id,
  d."cardId" AS card_id,
  d."reviewId" AS review_id,
  d."promptId" AS prompt_id,
  d."responseId" AS response_id,
  CASE WHEN d.event_type = 'CARD_REVIEWED' THEN d."rating" END AS rating,
  CASE WHEN d.event_type = 'VALIDATION_COMPLETED' THEN ml.json_number(d."score") END AS score,
  CASE WHEN d.event_type = 'SESSION_ENDED' THEN ml.json_number(d."durationMs") END AS duration_ms,
  COALESCE(d."eventType" = 'pause', false) AS is_pause,
  e."sessionPerformanceScore" AS session_performance_score,
  e."experimentPhase"::text AS experiment_phase,
  d.event_type NOT IN ('CARD_REVIEWED', 'VALIDATION_COMPLETED', 'SESSION_ENDED')
    OR COALESCE(d.kind IN ('object', 'null'), false) AS event_data_json
FROM behavioral_events e
JOIN users u ON u."id" = e."userId" AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
-- What is read more than once is taken out of the JSON once: that is what OFFSET 0 is for. Two joins in place of one within
-- the other would have PostgreSQL remember the JSON of every event.
CROSS JOIN LATERAL (
  SELECT j.event_type, jsonb_typeof(j."eventData") AS kind,
    j."eventData"->>'sessionId' AS "sessionId", j."eventData"->>'objectiveId' AS "objectiveId",
    j."eventData"->>'cardId' AS "cardId", j."eventData"->>'reviewId' AS "reviewId",
    j."eventData"->>'promptId' AS "promptId", j."eventData"->>'responseId' AS "responseId",
    j."eventData"->>'rating' AS "rating", j."eventData"->'score' AS "score",
    j."eventData"->'durationMs' AS "durationMs", j."eventData"->>'eventType' AS "eventType"
  FROM (
    SELECT CASE WHEN jsonb_typeof(e."eventData") = 'string' THEN ml.json_content(e."eventData") ELSE e."eventData" END
      AS "eventData", e."eventType"::text AS event_type
    OFFSET 0
  ) j
  OFFSET 0
) d
LEFT JOIN cards c ON c."id" = d."cardId"
LEFT JOIN validation_prompts p ON p."id" = d."promptId"
LEFT JOIN learning_objectives o ON o."id" = COALESCE(d."objectiveId", c."objectiveId", p."objectiveId")
LEFT JOIN lectures l ON l."id" = o."lectureId"
WHERE e."timestamp" >= {start} AND e."timestamp" < {end}
ORDER BY width_bucket(e."timestamp", {openings}), e."userId" COLLATE "C", e."timestamp", e."id" COLLATE "C"
