-- One row an objective.
SELECT
  prompt_id AS id,
  'Hand in: ' || name AS "promptText",
  'CLINICAL_REASONING' AS "promptType",
  name AS "conceptName",
  objective_id AS "objectiveId"
FROM objective
