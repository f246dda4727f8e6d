-- One row a scored hand-in in (after, until]. A skip is an answer that was not given: it has no event.
SELECT
  oulad_id('event', r.id) AS id,
  r."userId",
  'VALIDATION_COMPLETED' AS "eventType",
  json_object(
    'objectiveId', o.objective_id, 'promptId', o.prompt_id, 'responseId', r.id, 'score', r.score
  )::VARCHAR AS "eventData",
  r."respondedAt" AS timestamp
FROM app_validation_responses AS r
JOIN objective AS o ON o.prompt_id = r."promptId"
WHERE NOT r.skipped
