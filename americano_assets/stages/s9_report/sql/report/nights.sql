-- Grain: one row: of the nights that were to run in (%(since)s, %(day)s], from the first of this deployment on, how many these
-- are (`expected`), how many learners could not have seen in time and how many are missing; the study days that were
-- replayed, none of these nights; and whether `later` nights stand.
SELECT expected, count(*) FILTER (WHERE ran AND NOT live)::integer AS late,
  expected - count(*) FILTER (WHERE ran)::integer AS missing,
  count(*) FILTER (WHERE kind = 'replay')::integer AS replayed,
  EXISTS (SELECT FROM ml.study_days WHERE study_day > %(day)s) AS later
FROM (
  SELECT greatest(%(since)s::date + 1, COALESCE((SELECT first_study_day FROM ml.deployment), %(day)s::date)) AS began
) b
CROSS JOIN LATERAL (SELECT greatest(%(day)s::date - began + 1, 0) AS expected) e
LEFT JOIN LATERAL (
  SELECT kind, live, kind = 'nightly' AND study_day >= began AS ran
  FROM ml.study_days
  WHERE study_day > %(since)s AND study_day <= %(day)s
) d ON true
GROUP BY expected
