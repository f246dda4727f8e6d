-- One row a (objective, earlier tutor-marked assessment of its presentation). All of strength 1: OULAD
-- says nothing about which of them matters more.
SELECT
  oulad_id('prerequisite', o.id_assessment || '-' || earlier.id_assessment) AS id,
  o.objective_id AS "objectiveId",
  earlier.objective_id AS "prerequisiteId",
  1.0::DOUBLE AS strength
FROM objective AS o
JOIN objective AS earlier USING (code_module, code_presentation)
WHERE earlier.assessment_type = 'TMA' AND earlier.due < o.due
