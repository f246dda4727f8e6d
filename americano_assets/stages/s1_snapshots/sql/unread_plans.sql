-- Objectives in open missions from %(first)s (UTC) on of which nothing can be foreseen, since they are not there: how many mentions.
-- Grain: one row a (table, reason).
SELECT 'missions' AS table_name, 'naming an objective that is not in learning_objectives' AS reason, count(*) AS n
FROM missions m
CROSS JOIN LATERAL (SELECT ml.json_content(m."objectives") AS listed OFFSET 0) j
CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(j.listed) = 'array' THEN j.listed ELSE '[]' END) AS item
WHERE m."date" >= %(first)s AND m."completedAt" IS NULL
  AND COALESCE(item->>'id', item->>'objectiveId') IS NOT NULL
  AND NOT EXISTS (SELECT FROM learning_objectives o WHERE o."id" = COALESCE(item->>'id', item->>'objectiveId'))
HAVING count(*) > 0
