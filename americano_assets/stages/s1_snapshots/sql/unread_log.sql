-- Rows of the log that no night takes, and which break no rule: how many. Of accounts that are not there those from %(first)s
-- to before %(end)s are counted, as the night read them; all times UTC.
-- Grain: one row a (table, reason).
SELECT 'behavioral_events' AS table_name, f.reason, f.n FROM (
  SELECT 'of accounts that are not in users' AS reason, (
    SELECT count(*) FROM behavioral_events r WHERE r."timestamp" >= %(first)s AND r."timestamp" < %(end)s
      AND NOT EXISTS (SELECT FROM users u WHERE u."id" = r."userId")
  ) AS n
  UNION ALL SELECT 'before AMERICANO_START_DAY', (SELECT count(*) FROM behavioral_events WHERE "timestamp" < %(start)s)
  UNION ALL SELECT 'stamped in the future', (SELECT count(*) FROM behavioral_events WHERE "timestamp" > %(now)s)
) f WHERE f.n > 0
UNION ALL
SELECT 'reviews' AS table_name, f.reason, f.n FROM (
  SELECT 'of accounts that are not in users' AS reason, (
    SELECT count(*) FROM reviews r WHERE r."reviewedAt" >= %(first)s AND r."reviewedAt" < %(end)s
      AND NOT EXISTS (SELECT FROM users u WHERE u."id" = r."userId")
  ) AS n
  UNION ALL SELECT 'before AMERICANO_START_DAY', (SELECT count(*) FROM reviews WHERE "reviewedAt" < %(start)s)
  UNION ALL SELECT 'stamped in the future', (SELECT count(*) FROM reviews WHERE "reviewedAt" > %(now)s)
) f WHERE f.n > 0
UNION ALL
SELECT 'validation_responses' AS table_name, f.reason, f.n FROM (
  SELECT 'of accounts that are not in users' AS reason, (
    SELECT count(*) FROM validation_responses r WHERE r."respondedAt" >= %(first)s AND r."respondedAt" < %(end)s
      AND NOT EXISTS (SELECT FROM users u WHERE u."id" = r."userId")
  ) AS n
  UNION ALL SELECT 'before AMERICANO_START_DAY', (SELECT count(*) FROM validation_responses WHERE "respondedAt" < %(start)s)
  UNION ALL SELECT 'stamped in the future', (SELECT count(*) FROM validation_responses WHERE "respondedAt" > %(now)s)
) f WHERE f.n > 0
UNION ALL
SELECT 'study_sessions' AS table_name, f.reason, f.n FROM (
  SELECT 'of accounts that are not in users' AS reason, (
    SELECT count(*) FROM study_sessions r WHERE r."completedAt" >= %(first)s AND r."completedAt" < %(end)s
      AND NOT EXISTS (SELECT FROM users u WHERE u."id" = r."userId")
  ) AS n
  UNION ALL SELECT 'before AMERICANO_START_DAY', (SELECT count(*) FROM study_sessions WHERE "completedAt" < %(start)s)
  UNION ALL SELECT 'stamped in the future', (SELECT count(*) FROM study_sessions WHERE "completedAt" > %(now)s)
) f WHERE f.n > 0
ORDER BY table_name, reason
