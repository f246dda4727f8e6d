-- Grain: one row an (objective, direct prerequisite). An objective that names itself is no prerequisite.
SELECT "objectiveId" AS objective_id, "prerequisiteId" AS prerequisite_id, "strength"::double precision AS strength
FROM objective_prerequisites
WHERE "objectiveId" <> "prerequisiteId"
ORDER BY "objectiveId" COLLATE "C", "prerequisiteId" COLLATE "C"
