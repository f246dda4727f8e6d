-- Grain: one row a (learner, objective) of the spine at the cut-off: the extended features, each 0-1, null where not
-- observed. Definitions: docs/features.md.
WITH topic AS (
  SELECT learner_key, course_key, sum(n_graded) AS n_graded, sum(score_nano) AS score_nano,
    arg_max(last_nano, last_at) AS last_nano
  FROM own_record GROUP BY learner_key, course_key
),
overall AS (
  SELECT learner_key, sum(n_graded) AS n_graded, sum(score_nano) AS score_nano
  FROM own_record GROUP BY learner_key
)
SELECT s.learner_key, s.objective_key,
  e.chance AS elo_chance_seen,
  logit_share(e.everyone + e.learner) AS elo_learner_seen,
  logit_share(e.pair) AS elo_pair_seen,
  logit_share(e.objective) AS elo_difficulty_seen,
  -- The others: without the learner's own answers.
  shrunk(c.first_nano - COALESCE(m.first_nano, 0), c.n_learners - (m.learner_key IS NOT NULL)::INTEGER)
    AS cohort_first_try_seen,
  shrunk(c.score_nano_30 - COALESCE(m.score_nano_30, 0), c.n_30 - COALESCE(m.n_30, 0)) AS cohort_recent_seen,
  log_share(c.n_learners - (m.learner_key IS NOT NULL)::INTEGER, 1000) AS cohort_before_seen,
  r.last_nano / 1000000000.0 AS last_score_seen,
  shrunk(r.score_nano, r.n_graded) AS objective_success_seen,
  t.last_nano / 1000000000.0 AS topic_last_score_seen,
  shrunk(t.score_nano, t.n_graded) AS topic_success_seen,
  log_share(r.score_nano / 1000000000.0, 100) AS log_successes_seen,
  log_share(r.n_graded - r.score_nano / 1000000000.0, 100) AS log_failures_seen,
  log_share(t.score_nano / 1000000000.0, 1000) AS topic_log_successes_seen,
  log_share(t.n_graded - t.score_nano / 1000000000.0, 1000) AS topic_log_failures_seen,
  shrunk(a.score_nano, a.n_graded) AS ability_seen,
  clip((epoch_ms($cutoff) - epoch_ms(r.last_lapse_at)) / 86400000.0 / 30, 0, 1) AS days_since_lapse_seen
FROM spine s
JOIN objectives_known o USING (objective_key)
LEFT JOIN elo_terms e ON e.learner_key = s.learner_key AND e.objective_key = s.objective_key
LEFT JOIN own_record r ON r.learner_key = s.learner_key AND r.objective_key = s.objective_key
LEFT JOIN topic t ON t.learner_key = s.learner_key AND t.course_key = o.course_key
LEFT JOIN overall a ON a.learner_key = s.learner_key
LEFT JOIN cohort_record c ON c.objective_key = s.objective_key
LEFT JOIN cohort_pairs m ON m.learner_key = s.learner_key AND m.objective_key = s.objective_key
