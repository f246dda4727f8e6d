-- A number that tells whether the judged episodes of a planned day are what they were.
-- Grain: one row a planned day.
SELECT planned_day, sum(hash_record_extended(e, 0))::text AS content
FROM ml.episodes e
WHERE outcome IS NOT NULL
GROUP BY planned_day
ORDER BY planned_day
