-- Rows of a table of the log that no night takes, and which break no rule: how many. Of accounts that are not there those from
-- %(first)s to before %(end)s, the days that the night read; from before %(start)s only on the deployment's first night
-- (%(day)s), which reads the whole log: later nights look at no row of long ago. All times UTC.
-- {{table}}, {{stamped}}: the table, and its column with a row's time.
-- Grain: one row a reason.
SELECT reason, count(*) AS n
FROM (
  SELECT CASE WHEN r.{stamped} > %(now)s THEN 'stamped in the future'
    WHEN u."id" IS NULL THEN 'of accounts that are not in users' END AS reason
  FROM {table} r LEFT JOIN users u ON u."id" = r."userId"
  WHERE r.{stamped} >= %(first)s AND r.{stamped} < %(end)s OR r.{stamped} > %(now)s
  UNION ALL
  SELECT 'before AMERICANO_START_DAY' FROM {table} r
  WHERE r.{stamped} < %(start)s AND NOT EXISTS (SELECT FROM ml.deployment WHERE first_study_day <> %(day)s)
) f
WHERE reason IS NOT NULL
GROUP BY reason
ORDER BY reason
