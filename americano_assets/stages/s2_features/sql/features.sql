-- Grain: one row a (learner, objective) of the spine at the cut-off: the fifteen features, each 0-1, and for each
-- whether it was observed; the extended ones. Definitions: docs/features.md.
WITH prerequisite_state AS (
  -- Of the prerequisites that the learner has studied; of the others nothing is mastered. Begun with these, since a
  -- table of the history to look pairs up in would cost more than the objectives that are no candidates.
  SELECT h.learner_key, q.objective_key,
    sum(q.strength_nano) FILTER (h.mastered) AS mastered_nano,
    sum(nano(q.strength * h.mastery)) AS mastery_nano,
    COALESCE(bit_or(q.place_bit) FILTER (h.mastered), 0) AS mastered_bits
  FROM objective_history h JOIN prerequisites_known q ON q.prerequisite_key = h.objective_key
  GROUP BY ALL
),
-- What lists of unmastered prerequisites there are: few, while a list for every row would cost as much as all the rest.
unmastered AS (
  SELECT b.objective_key, b.mastered_bits, list(q.prerequisite_id ORDER BY q.place)[1:3] AS prerequisites
  FROM (SELECT objective_key, mastered_bits FROM prerequisite_state UNION SELECT objective_key, 0 FROM prerequisites_known) b
  JOIN prerequisites_known q USING (objective_key)
  WHERE q.place_bit & b.mastered_bits = 0 AND q.place_bit > 0
  GROUP BY ALL
),
next_exam AS (
  SELECT learner_key, course_key, min(exam_at) AS exam_at
  FROM exams_known WHERE created_at < $cutoff AND exam_at >= $cutoff GROUP BY ALL
),
workload AS (
  SELECT p.learner_key, count(DISTINCT p.objective_key) AS n
  FROM open_plans p
  LEFT JOIN objective_history h USING (learner_key, objective_key)
  WHERE p.planned_at >= $cutoff AND p.planned_at < $workload_before AND NOT COALESCE(h.mastered, false)
  GROUP BY ALL
),
topic_record AS (
  SELECT learner_key, course_key, sum(n_graded) AS n_graded, sum(score_nano) AS score_nano,
    arg_max(last_nano, last_at) AS last_nano
  FROM objective_history GROUP BY learner_key, course_key
),
-- Sorted while it is narrow: sixty columns would take three times as long. The joins at the end keep the order where
-- DuckDB takes them as they are written (resources/duckdb/connection.py sees to that, and looks).
ordered AS MATERIALIZED (
  SELECT s.*, o.course_key, l.place AS learner_place, o.place AS objective_place
  FROM spine s JOIN learners_known l USING (learner_key) JOIN objectives_known o USING (objective_key)
  ORDER BY l.place, o.place
),
-- What is the same for all rows of a learner, a topic or an objective is worked out once for each of them.
learner_facts AS (
  SELECT l.learner_key, l.learner_id,
    ls.session_performance AS session_performance_score_seen,
    ls.cognitive_load AS cognitive_load_indicator_seen,
    clip(COALESCE(w.n, 0) / 50.0, 0, 1) AS workload_level_seen
  FROM learners_known l LEFT JOIN learner_sessions ls USING (learner_key) LEFT JOIN workload w USING (learner_key)
),
topic_facts AS (
  SELECT s.learner_key, s.course_key, t.mean_mastery, t.last_studied_at,
    t.n_success_30::DOUBLE / nullif(t.n_reviews_30, 0) AS retention_score_seen,
    CASE WHEN t.n_days >= 3 THEN clip(-10 * t.slope_per_day, 0, 1) END AS retention_decline_rate_seen,
    v.mean_score AS recent_score,
    -- Shrunk towards 0.6 by two answers.
    CASE WHEN t.n_validations > 0 THEN (t.validation_nano / 1000000000.0 + 1.2) / (t.n_validations + 2) END
      AS validation_mean_180,
    CASE WHEN t.n_windows > 0 THEN (t.n_struggles + 1)::DOUBLE / (t.n_windows + 2) END AS historical_struggle_score_seen,
    1 - clip((epoch_ms(e.exam_at) - epoch_ms($cutoff)) / 86400000.0 / 90, 0, 1) AS days_until_exam_seen,
    tr.last_nano / 1000000000.0 AS topic_last_score_seen,
    shrunk(tr.score_nano, tr.n_graded) AS topic_success_seen,
    log_share(tr.score_nano / 1000000000.0, 1000) AS topic_log_successes_seen,
    log_share(tr.n_graded - tr.score_nano / 1000000000.0, 1000) AS topic_log_failures_seen
  FROM (SELECT DISTINCT learner_key, course_key FROM ordered) s
  LEFT JOIN topic_history t USING (learner_key, course_key)
  LEFT JOIN recent_validations v ON v.learner_key = s.learner_key AND v.course_key = s.course_key
    AND v.objective_key IS NULL
  LEFT JOIN next_exam e ON e.learner_key = s.learner_key AND e.course_key = s.course_key
  LEFT JOIN topic_record tr ON tr.learner_key = s.learner_key AND tr.course_key = s.course_key
),
objective_facts AS (
  SELECT o.objective_key, o.objective_id, o.course_id, o.format, o.complexity, o.prerequisites_nano,
    clip(COALESCE(o.complexity, 0.6) - 0.5, 0, 1) AS complexity_mismatch_neutral,
    cl.lapse_rate AS cohort_lapse_rate, cr.n_learners, cr.first_nano, cr.n_30, cr.score_nano_30
  FROM objectives_known o
  LEFT JOIN cohort_lapses cl USING (objective_key)
  LEFT JOIN cohort_record cr USING (objective_key)
),
joined AS (
  SELECT s.planned_at, s.planned_day, s.planned, s.learner_place, s.objective_place,
    l.learner_id, o.objective_id, o.course_id,
    t.retention_score_seen, t.retention_decline_rate_seen,
    h.n_again_30::DOUBLE / nullif(h.n_reviews_30, 0) AS review_lapse_rate_seen,
    l.session_performance_score_seen,
    COALESCE(v.mean_score, t.recent_score) AS validation_score_seen,
    COALESCE((o.prerequisites_nano - COALESCE(q.mastered_nano, 0)) / o.prerequisites_nano, 0)
      AS prerequisite_gap_count_seen,
    COALESCE(1 - COALESCE(q.mastery_nano, 0) / o.prerequisites_nano, 0) AS prerequisite_mastery_gap_seen,
    o.complexity AS content_complexity_seen,
    clip(COALESCE(o.complexity, 0.6) - t.mean_mastery, 0, 1) AS complexity_mismatch_seen,
    o.complexity_mismatch_neutral,
    t.historical_struggle_score_seen,
    f.mismatch AS content_type_mismatch_seen,
    l.cognitive_load_indicator_seen,
    t.days_until_exam_seen,
    clip((epoch_ms($cutoff) - epoch_ms(COALESCE(h.last_studied_at, t.last_studied_at))) / 86400000.0 / 30, 0, 1)
      AS days_since_last_study_seen,
    l.workload_level_seen,
    -- Of the objective if it was ever answered, else of the topic.
    CASE WHEN h.n_validations > 0 THEN (h.validation_nano / 1000000000.0 + 1.2) / (h.n_validations + 2)
      ELSE t.validation_mean_180 END AS validation_mean_180,
    COALESCE(u.prerequisites, []) AS unmastered_prerequisites,
    o.cohort_lapse_rate,
    el.chance AS elo_chance_seen,
    logit_share(el.everyone + el.learner) AS elo_learner_seen,
    logit_share(el.topic) AS elo_topic_seen,
    logit_share(el.pair) AS elo_pair_seen,
    logit_share(el.practice) AS elo_practice_seen,
    logit_share(el.objective) AS elo_difficulty_seen,
    -- The others: without the learner's own answers.
    shrunk_others(o.first_nano, cp.first_nano, o.n_learners, (cp.learner_key IS NOT NULL)::INTEGER)
      AS cohort_first_try_seen,
    shrunk_others(o.score_nano_30, cp.score_nano_30, o.n_30, cp.n_30) AS cohort_recent_seen,
    log_share(less(o.n_learners, (cp.learner_key IS NOT NULL)::INTEGER), 1000) AS cohort_before_seen,
    h.last_nano / 1000000000.0 AS last_score_seen,
    shrunk(h.score_nano, h.n_graded) AS objective_success_seen,
    t.topic_last_score_seen, t.topic_success_seen,
    log_share(h.score_nano / 1000000000.0, 100) AS log_successes_seen,
    log_share(h.n_graded - h.score_nano / 1000000000.0, 100) AS log_failures_seen,
    t.topic_log_successes_seen, t.topic_log_failures_seen,
    clip((epoch_ms($cutoff) - epoch_ms(h.last_lapse_at)) / 86400000.0 / 30, 0, 1) AS days_since_lapse_seen
  FROM ordered s
  JOIN learner_facts l ON l.learner_key = s.learner_key
  JOIN objective_facts o ON o.objective_key = s.objective_key
  LEFT JOIN topic_facts t ON t.learner_key = s.learner_key AND t.course_key = s.course_key
  LEFT JOIN objective_history h ON h.learner_key = s.learner_key AND h.objective_key = s.objective_key
  LEFT JOIN recent_validations v ON v.learner_key = s.learner_key AND v.objective_key = s.objective_key
  LEFT JOIN prerequisite_state q ON q.learner_key = s.learner_key AND q.objective_key = s.objective_key
  LEFT JOIN unmastered u ON u.objective_key = s.objective_key AND u.mastered_bits = COALESCE(q.mastered_bits, 0)
  LEFT JOIN format_ranks f ON f.learner_key = s.learner_key AND f.format = o.format
  LEFT JOIN rating_terms el ON el.learner_key = s.learner_key AND el.objective_key = s.objective_key
  LEFT JOIN cohort_pairs cp ON cp.learner_key = s.learner_key AND cp.objective_key = s.objective_key
)
SELECT learner_place, objective_place, learner_id, objective_id, course_id, planned_at, planned_day, planned,
  validation_mean_180, unmastered_prerequisites, cohort_lapse_rate, {columns}
FROM joined
