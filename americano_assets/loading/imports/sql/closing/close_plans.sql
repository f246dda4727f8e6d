-- Grain: one row an open mission of a plans file that is over, with when: done at the first answer on the objective on its
-- day or within a week of it, else given up after that week, as far as the log goes (%(until)s). %(zone)s: whose calendar
-- dates they are. All times UTC.
WITH answers AS (
  SELECT r."userId", c."objectiveId", r."reviewedAt" AS at FROM reviews r JOIN cards c ON c.id = r."cardId"
  UNION ALL
  SELECT v."userId", p."objectiveId", v."respondedAt" FROM validation_responses v
  JOIN validation_prompts p ON p.id = v."promptId"
),
open AS (
  SELECT m.id, m."userId", m.objectives -> 0 ->> 'id' AS "objectiveId",
    m.date AT TIME ZONE %(zone)s AT TIME ZONE 'UTC' AS opens
  FROM missions m WHERE m.id LIKE 'cplan%%' AND m.status::text = 'PENDING'
),
answered AS (
  SELECT o.id, o.opens, min(a.at) AS at
  FROM open o
  LEFT JOIN answers a ON a."userId" = o."userId" AND a."objectiveId" = o."objectiveId"
    AND a.at >= o.opens AND a.at < o.opens + interval '7 days'
  GROUP BY o.id, o.opens
)
SELECT id, at IS NOT NULL AS done, COALESCE(at, opens + interval '7 days') AS at
FROM answered
WHERE at IS NOT NULL OR opens + interval '7 days' <= %(until)s
