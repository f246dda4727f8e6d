-- Grain: one row a (learner, objective) of the spine at the cut-off: the fifteen features, each 0-1, and for each
-- whether it was observed; the extended ones. Definitions: docs/features.md.
WITH prerequisite_state AS (
  SELECT s.learner_key, s.objective_key,
    sum(q.strength_nano) AS strength,
    sum(q.strength_nano) FILTER (NOT COALESCE(h.mastered, false)) AS strength_unmastered,
    sum(nano(q.strength * COALESCE(h.mastery, 0))) AS strength_mastery,
    min(q.place, 3) FILTER (NOT COALESCE(h.mastered, false)) AS first_unmastered
  FROM spine s
  JOIN prerequisites_known q USING (objective_key)
  LEFT JOIN objective_history h ON h.learner_key = s.learner_key AND h.objective_key = q.prerequisite_key
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
-- Sorted while it is narrow: sixty columns would take three times as long. The joins below keep the order where
-- DuckDB takes them as they are written (resources/engine.py sees to that, and looks).
ordered AS (
  SELECT s.*, l.place AS learner_place, o.place AS objective_place
  FROM spine s JOIN learners_known l USING (learner_key) JOIN objectives_known o USING (objective_key)
  ORDER BY l.place, o.place
),
joined AS (
  SELECT s.planned_at, s.planned_day, s.planned, s.learner_place, s.objective_place,
    l.learner_id, o.objective_id, o.course_id,
    t.n_success_30::DOUBLE / nullif(t.n_reviews_30, 0) AS retention_score_seen,
    CASE WHEN t.n_days >= 3 THEN clip(-10 * t.slope_per_day, 0, 1) END AS retention_decline_rate_seen,
    h.n_again_30::DOUBLE / nullif(h.n_reviews_30, 0) AS review_lapse_rate_seen,
    ls.session_performance AS session_performance_score_seen,
    COALESCE(vo.mean_score, vt.mean_score) AS validation_score_seen,
    COALESCE(COALESCE(q.strength_unmastered, 0)::DOUBLE / nullif(q.strength, 0), 0) AS prerequisite_gap_count_seen,
    COALESCE(1 - q.strength_mastery::DOUBLE / nullif(q.strength, 0), 0) AS prerequisite_mastery_gap_seen,
    o.complexity AS content_complexity_seen,
    clip(COALESCE(o.complexity, 0.6) - t.mean_mastery, 0, 1) AS complexity_mismatch_seen,
    clip(COALESCE(o.complexity, 0.6) - 0.5, 0, 1) AS complexity_mismatch_neutral,
    CASE WHEN t.n_windows > 0 THEN (t.n_struggles + 1)::DOUBLE / (t.n_windows + 2) END AS historical_struggle_score_seen,
    f.mismatch AS content_type_mismatch_seen,
    ls.cognitive_load AS cognitive_load_indicator_seen,
    1 - clip((epoch_ms(e.exam_at) - epoch_ms($cutoff)) / 86400000.0 / 90, 0, 1) AS days_until_exam_seen,
    clip((epoch_ms($cutoff) - epoch_ms(COALESCE(h.last_studied_at, t.last_studied_at))) / 86400000.0 / 30, 0, 1)
      AS days_since_last_study_seen,
    clip(COALESCE(w.n, 0) / 50.0, 0, 1) AS workload_level_seen,
    -- Shrunk towards 0.6 by two answers; of the objective if it was ever answered, else of the topic.
    CASE
      WHEN h.n_validations > 0 THEN (h.validation_nano / 1000000000.0 + 1.2) / (h.n_validations + 2)
      WHEN t.n_validations > 0 THEN (t.validation_nano / 1000000000.0 + 1.2) / (t.n_validations + 2)
    END AS validation_mean_180,
    COALESCE(list_transform(q.first_unmastered, lambda place: o.prerequisite_ids[place]), [])
      AS unmastered_prerequisites,
    cl.lapse_rate AS cohort_lapse_rate,
    el.chance AS elo_chance_seen,
    logit_share(el.everyone + el.learner) AS elo_learner_seen,
    logit_share(el.pair) AS elo_pair_seen,
    logit_share(el.objective) AS elo_difficulty_seen,
    -- The others: without the learner's own answers.
    shrunk_others(cr.first_nano, cp.first_nano, cr.n_learners, (cp.learner_key IS NOT NULL)::INTEGER)
      AS cohort_first_try_seen,
    shrunk_others(cr.score_nano_30, cp.score_nano_30, cr.n_30, cp.n_30) AS cohort_recent_seen,
    log_share(less(cr.n_learners, (cp.learner_key IS NOT NULL)::INTEGER), 1000) AS cohort_before_seen,
    h.last_nano / 1000000000.0 AS last_score_seen,
    shrunk(h.score_nano, h.n_graded) AS objective_success_seen,
    tr.last_nano / 1000000000.0 AS topic_last_score_seen,
    shrunk(tr.score_nano, tr.n_graded) AS topic_success_seen,
    log_share(h.score_nano / 1000000000.0, 100) AS log_successes_seen,
    log_share(h.n_graded - h.score_nano / 1000000000.0, 100) AS log_failures_seen,
    log_share(tr.score_nano / 1000000000.0, 1000) AS topic_log_successes_seen,
    log_share(tr.n_graded - tr.score_nano / 1000000000.0, 1000) AS topic_log_failures_seen,
    clip((epoch_ms($cutoff) - epoch_ms(h.last_lapse_at)) / 86400000.0 / 30, 0, 1) AS days_since_lapse_seen
  FROM ordered s
  JOIN learners_known l ON l.learner_key = s.learner_key
  JOIN objectives_known o ON o.objective_key = s.objective_key
  LEFT JOIN objective_history h ON h.learner_key = s.learner_key AND h.objective_key = s.objective_key
  LEFT JOIN topic_history t ON t.learner_key = s.learner_key AND t.course_key = o.course_key
  LEFT JOIN recent_validations vo ON vo.learner_key = s.learner_key AND vo.objective_key = s.objective_key
  LEFT JOIN recent_validations vt ON vt.learner_key = s.learner_key AND vt.course_key = o.course_key
    AND vt.objective_key IS NULL
  LEFT JOIN prerequisite_state q ON q.learner_key = s.learner_key AND q.objective_key = s.objective_key
  LEFT JOIN learner_sessions ls ON ls.learner_key = s.learner_key
  LEFT JOIN format_ranks f ON f.learner_key = s.learner_key AND f.format = o.format
  LEFT JOIN next_exam e ON e.learner_key = s.learner_key AND e.course_key = o.course_key
  LEFT JOIN workload w ON w.learner_key = s.learner_key
  LEFT JOIN cohort_lapses cl ON cl.objective_key = s.objective_key
  LEFT JOIN elo_terms el ON el.learner_key = s.learner_key AND el.objective_key = s.objective_key
  LEFT JOIN cohort_record cr ON cr.objective_key = s.objective_key
  LEFT JOIN cohort_pairs cp ON cp.learner_key = s.learner_key AND cp.objective_key = s.objective_key
  LEFT JOIN topic_record tr ON tr.learner_key = s.learner_key AND tr.course_key = o.course_key
)
SELECT learner_place, objective_place, learner_id, objective_id, course_id, planned_at, planned_day, planned,
  validation_mean_180, unmastered_prerequisites, cohort_lapse_rate, {columns}
FROM joined
