-- Grain: one row: published study days in (%(since)s, %(day)s], and those that learners could not have seen in time.
SELECT count(*)::integer AS published,
  count(*) FILTER (WHERE kind = 'nightly' AND NOT live)::integer AS late,
  count(*) FILTER (WHERE kind = 'replay')::integer AS replayed
FROM ml.study_days
WHERE study_day > %(since)s AND study_day <= %(day)s
