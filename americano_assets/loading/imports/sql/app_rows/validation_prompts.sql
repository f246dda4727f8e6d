-- Grain: one row an item of validations. Reads: staged, places.
SELECT DISTINCT import_id('prompt', item_key(s.objective_id, s.item_id)) AS id, 'CLINICAL_REASONING' AS "promptType",
  p.objective AS "conceptName", s.objective_id AS "objectiveId", NULL::DOUBLE AS "difficultyLevel", '' AS "promptText"
FROM staged s JOIN places p USING (objective_id)
WHERE kind = 'validation'
