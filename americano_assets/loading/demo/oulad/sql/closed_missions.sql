-- One row a mission that was closed in (after, until].
SELECT
  oulad_id('mission', key) AS id,
  closed_as AS status,
  closed_at AS "completedAt",
  objective_id AS "objectiveId"
FROM pair
WHERE planned AND in_window(closed_at)
