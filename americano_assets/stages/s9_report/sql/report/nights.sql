-- Grain: one row: published study days in (%(since)s, %(day)s], those that learners could not have seen in time,
-- and whether `later` nights stand.
SELECT count(*)::integer AS published,
  count(*) FILTER (WHERE kind = 'nightly' AND NOT live)::integer AS late,
  count(*) FILTER (WHERE kind = 'replay')::integer AS replayed,
  EXISTS (SELECT FROM ml.study_days WHERE study_day > %(day)s) AS later
FROM ml.study_days
WHERE study_day > %(since)s AND study_day <= %(day)s
