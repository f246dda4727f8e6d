-- One row a (objective, earlier tutor-marked assessment of its presentation). strength 1/k for the k-th last one.
SELECT
  oulad_id('prerequisite', o.id_assessment || '-' || earlier.id_assessment) AS id,
  o.objective_id AS "objectiveId",
  earlier.objective_id AS "prerequisiteId",
  1 / row_number() OVER (PARTITION BY o.id_assessment ORDER BY earlier.due DESC, earlier.id_assessment DESC) AS strength
FROM objective AS o
JOIN objective AS earlier USING (code_module, code_presentation)
WHERE earlier.assessment_type = 'TMA' AND earlier.due < o.due
