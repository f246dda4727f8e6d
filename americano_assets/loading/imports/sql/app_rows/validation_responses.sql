-- Grain: one row a graded answer; its id as that of a review. Times UTC. Reads: numbered.
SELECT import_id('response', key) AS id, import_id('prompt', item_key(objective_id, item_id)) AS "promptId",
  session_key AS "sessionId", learner_id AS "userId", score, NULL::DOUBLE AS confidence,
  NULL::DOUBLE AS "confidenceLevel", false AS skipped, occurred_at AS "respondedAt", '' AS "userAnswer",
  '' AS "aiEvaluation", occurred_at AS "updatedAt"
FROM numbered WHERE kind = 'validation'
