-- Grain: one row a learner with a finished session in the last 14 days. Performance 0-1; a session that recorded
-- none takes its share of GOOD and EASY reviews of the last 30 days; one with neither does not count.
WITH ends AS (
  SELECT learner_key, session_key, max(occurred_at) AS ended_at, max(performance) AS recorded,
    max(duration_ms) AS duration_ms, arg_max(into_day, occurred_at) AS ended_into_day,
    min(age_days(study_day, into_day, $cutoff_day, $cutoff_into)) AS age
  FROM session_ends SEMI JOIN interesting_learners USING (learner_key)
  WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 15
    AND age_days(study_day, into_day, $cutoff_day, $cutoff_into) < 14
  GROUP BY ALL
),
reviewed AS (
  SELECT learner_key, session_key, count(*) FILTER (rating IN ('GOOD', 'EASY')) AS n_good, count(*) AS n_reviews
  FROM recent_reviews
  SEMI JOIN (FROM ends WHERE recorded IS NULL) USING (learner_key, session_key)
  GROUP BY ALL
),
finished AS (
  SELECT learner_key, session_key, ended_at, duration_ms, ended_into_day, age,
    COALESCE(recorded, n_good::DOUBLE / n_reviews) AS performance
  FROM ends LEFT JOIN reviewed USING (learner_key, session_key)
),
last_five AS (
  SELECT learner_key, nano_mean(sum(nano(performance)), count(*)) AS session_performance
  FROM (
    SELECT * FROM finished WHERE performance IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY learner_key ORDER BY ended_at DESC, session_key DESC) <= 5
  )
  GROUP BY ALL
),
last_day AS (
  -- Ended late: within six hours after 23:00, at which a study day opens.
  SELECT f.learner_key,
    nano_mean(sum(nano(performance)), count(performance)) AS performance,
    COALESCE(bool_or(duration_ms > 1.5 * 60000 * p.optimal_session_minutes), false) AS overran,
    COALESCE(bool_or(ended_into_day > 0 AND ended_into_day <= 6 * 3600000), false) AS ended_late
  FROM finished f
  LEFT JOIN learners_known p USING (learner_key)
  WHERE f.age < 1 GROUP BY ALL
)
SELECT learner_key, session_performance,
  clip(1 - performance + 0.1 * overran::INTEGER + 0.1 * ended_late::INTEGER, 0, 1) AS cognitive_load
FROM last_five FULL JOIN last_day USING (learner_key)
