"""Bugs in grading, features and labels: golden cases see them. Rows at T itself, in a closed day, are no file's.

Three texts that look like bugs are none, and stand on no list: `mastery > 0.65` differs from `>=` only where decayed
weights, rounded to 10^-9, meet the limit exactly; the narrowing of `labels` to the learners' own objectives
is for speed alone, and `occurred_at <= $cutoff` in `log_until` leaves out what is left out a second time by its age.
"""

from americano_assets_tests.planted_bugs.planting import LABELS, in_query

_OPEN_DAY_TESTS = "americano_assets_tests/stages/s2_features/test_point_in_time.py"
_GRADING_TESTS = "americano_assets_tests/stages/s1_snapshots/test_grading.py"

MUTATIONS = (
    # A closed day's files hold nothing of the day after: only within an open day can these be seen.
    *in_query(
        "s2_features/learner_sessions",
        ("session_performance_score", "WHERE occurred_at < $cutoff", "WHERE occurred_at <= $cutoff"),
        tests=_OPEN_DAY_TESTS,
    ),
    *in_query(
        "s2_features/cohort_lapses",
        ("cohort_lapse_rate", "t.study_day < $cohort_day", "t.study_day <= $cohort_day"),
        tests=_OPEN_DAY_TESTS,
    ),
    *in_query(
        "s2_features/totals",
        ("every feature", "age < 180", "age < 181"),
        ("every feature", "age < 180", "age < 179"),
    ),
    *in_query(
        "s2_features/topic_history",
        ("retention_score", "AND age < 30 AND n_reviews > 0", "AND age < 31 AND n_reviews > 0"),
        ("retention_score", "sum(n_success) AS n_success_30", "count(*) AS n_success_30"),
        ("retention_decline_rate", "count(*) AS n_days", "sum(n_reviews) AS n_days"),
        ("complexity_mismatch", "nano_mean(sum(nano(mastery)), count(*)) AS mean", "max(mastery) AS mean"),
    ),
    *in_query(
        "s2_features/topic_history",
        ("days_since_last_study", "objective_key IS NULL AND last_studied", "false AND last_studied"),
        ("retention_score", "COALESCE(o.course_key, d.course_key)", "d.course_key"),
        tests="americano_assets_tests/stages/s2_features/test_topic_parts.py",
    ),
    *in_query(
        "s2_features/topic_windows",
        ("historical_struggle_score", "age // $horizon_days < 180 //", "age // $horizon_days <= 180 //"),
        ("historical_struggle_score", "WHERE struggled IS NOT NULL", "WHERE true"),
    ),
    *in_query(
        "s2_features/day_totals",
        ("review_lapse_rate", "count(rating)::", "count(*)::"),
        ("review_lapse_rate", "(rating = 'AGAIN'))::", "(score = 0))::"),
        ("prerequisite_mastery_gap", "growth(into_day) * score", "score"),
        ("last_score", "arg_max(nano(score), place)", "arg_min(nano(score), place)"),
        ("cohort_first_try", "arg_min(nano(score), place)", "arg_max(nano(score), place)"),
    ),
    *in_query(
        "s2_features/skip_days",
        ("historical_struggle_score", "WHERE NOT replaced_in_window", "WHERE NOT replaced"),
        ("prerequisite_mastery_gap", "FILTER (NOT replaced), 0)", "FILTER (true), 0)"),
    ),
    *in_query(
        "s2_features/objective_history",
        ("review_lapse_rate", "sum(n_again::DOUBLE) FILTER (age < 30)", "sum(n_again::DOUBLE) FILTER (age < 31)"),
        ("last_score", "arg_max(last_nano", "arg_min(last_nano"),
        ("last_score", "arg_max(last_nano, chronological(study_day, last_place))", "arg_max(last_nano, last_place)"),
        ("objective_success", "n_reviews + n_validations", "n_validations"),
    ),
    *in_query(
        "s2_features/objective_history",
        ("validation_mean_180", "COALESCE(o.course_key, a.stored_course_key)", "a.stored_course_key"),
        tests="americano_assets_tests/stages/s2_features/test_topic_parts.py",
    ),
    *in_query(
        "s2_features/skips",
        ("validation_score", "a.occurred_at >= s.occurred_at", "true"),
        ("validation_score", "WHERE NOT skipped", "WHERE true"),
        (
            "historical_struggle_score",
            "answered_age // $horizon_days = age // $horizon_days",
            "answered_age IS NOT NULL",
        ),
    ),
    *in_query(
        "s2_features/learner_sessions",
        ("session_performance_score", "DESC) <= 5", "DESC) <= 6"),
        ("session_performance_score", "$cutoff_into) < 14", "$cutoff_into) < 15"),
        ("session_performance_score", "IN ('GOOD', 'EASY')", "IN ('GOOD', 'EASY', 'HARD')"),
        ("session_performance_score", "COALESCE(recorded, n_good", "COALESCE(NULL, n_good"),
        ("cognitive_load_indicator", "f.age < 1", "f.age < 2"),
        ("cognitive_load_indicator", "duration_ms > 1.5", "duration_ms > 1.4"),
        ("cognitive_load_indicator", "ended_into_day <= 6", "ended_into_day < 6"),
        ("cognitive_load_indicator", "ended_into_day > 0", "ended_into_day >= 0"),
    ),
    *in_query("s1_snapshots/session_ends", ("session_performance_score", "AND NOT is_pause ", "")),
    *in_query(
        "s2_features/recent_validations",
        ("validation_score", "AND age < 30", "AND age < 31"),
        ("validation_score", "ANTI JOIN (FROM skips WHERE replaced)", "ANTI JOIN (FROM skips WHERE false)"),
        (
            "validation_score",
            "learner_key, objective_key ORDER BY answer DESC) <= 10",
            "learner_key, objective_key ORDER BY answer DESC) <= 11",
        ),
        (
            "validation_score",
            "learner_key, course_key ORDER BY answer DESC) <= 10",
            "learner_key, course_key ORDER BY answer DESC) <= 11",
        ),
    ),
    *in_query(
        "s2_features/features",
        ("retention_decline_rate", "t.n_days >= 3", "t.n_days >= 2"),
        ("retention_decline_rate", "clip(-10 *", "clip(-9 *"),
        ("validation_score", "COALESCE(v.mean_score, t.recent_score)", "COALESCE(v.mean_score, NULL)"),
        ("prerequisite_gap_count", "sum(q.strength_nano) FILTER (h.mastered)", "sum(q.strength_nano)"),
        ("prerequisite_gap_count", "COALESCE(q.mastered_nano, 0)", "q.mastered_nano"),
        ("prerequisite_mastery_gap", "nano(q.strength * h.mastery)", "nano(h.mastery)"),
        ("unmastered_prerequisites", "ORDER BY q.place", "ORDER BY -q.place"),
        ("unmastered_prerequisites", "q.place_bit & b.mastered_bits = 0", "true"),
        (
            "complexity_mismatch",
            "- 0.5, 0, 1) AS complexity_mismatch_neutral",
            "- 0.4, 0, 1) AS complexity_mismatch_neutral",
        ),
        ("historical_struggle_score", "(t.n_struggles + 1)", "(t.n_struggles)"),
        ("days_until_exam", "exam_at >= $cutoff", "exam_at > $cutoff"),
        ("days_until_exam", "created_at < $cutoff", "created_at <= $cutoff"),
        ("days_until_exam", "86400000.0 / 90", "86400000.0 / 60"),
        ("days_since_last_study", "COALESCE(h.last_studied_at, ", "COALESCE("),
        ("days_since_last_study", ", t.last_studied_at)", ", NULL)"),
        ("workload_level", "p.planned_at < $workload_before", "p.planned_at <= $workload_before"),
        ("workload_level", "$workload_before AND NOT COALESCE(h.mastered, false)", "$workload_before"),
        ("workload_level", "count(DISTINCT p.objective_key)", "count(p.objective_key)"),
    ),
    *in_query(
        "s2_features/macros",
        ("prerequisite_mastery_gap", "occurred_at)) / 7776000000", "occurred_at)) / 2592000000"),
        ("prerequisite_gap_count", "n_reviews >= 3 OR", "n_reviews >= 2 OR"),
        ("prerequisite_gap_count", "OR n_validations >= 1)", ")"),
        ("prerequisite_gap_count", "mastery >= 0.65", "mastery >= 0.60"),
        ("prerequisite_mastery_gap", "+ 600000000)", "+ 500000000)"),
        (LABELS, "n_reviews < 3 AND", "n_reviews < 2 AND"),
        (LABELS, "n_validations < 1 THEN", "n_validations < 2 THEN"),
        (LABELS, "score_nano < nano(struggle_below)", "score_nano <= nano(struggle_below)"),
        (LABELS, "n_again >= 3 AND", "n_again >= 2 AND"),
        (LABELS, "10 * n_again >= 3", "10 * n_again > 3"),
        (LABELS, "10 * n_again >= 3", "100 * n_again >= 29"),
    ),
    *in_query(
        "s2_features/objectives_known",
        ("content_complexity", "'ADVANCED' THEN 0.9", "'ADVANCED' THEN 0.8"),
        ("content_type_mismatch", "x-ray|", ""),
    ),
    *in_query(
        "s2_features/format_ranks",
        ("content_type_mismatch", "ORDER BY share DESC", "ORDER BY share"),
        ("content_type_mismatch", "rank() OVER", "row_number() OVER"),
    ),
    *in_query("s1_snapshots/prerequisites", ("prerequisite_gap_count", 'WHERE "objectiveId" <> "prerequisiteId"', "")),
    *in_query(
        "s2_features/cohort_lapses",
        ("cohort_lapse_rate", "(FROM learners_known WHERE in_analytics)", "(FROM learners_known)"),
        ("cohort_lapse_rate", ">= $cohort_day - 30", ">= $cohort_day - 31"),
    ),
    *in_query(
        "s2_features/spine",
        ("candidates", "planned_at < $planned_before", "planned_at <= $planned_before"),
        ("candidates", "planned_at >= $cutoff", "planned_at > $cutoff"),
        ("candidates", "WHERE o.has_card", "WHERE true"),
        ("candidates", "min(planned_at) AS", "max(planned_at) AS"),
        ("candidates", "age < 28", "age < 27"),
        ("candidates", "o.place) <= 10", "o.place) <= 11"),
    ),
    *in_query(
        "s2_features/open_plans",
        ("candidates", "created_at < $cutoff", "created_at <= $cutoff"),
        ("candidates", "NOT objective_completed AND", ""),
        ("candidates", "('PENDING', 'IN_PROGRESS')", "('PENDING', 'IN_PROGRESS', 'SKIPPED')"),
    ),
    *in_query(
        "s2_features/labels",
        (LABELS, "i.occurred_at >= $window_start", "i.occurred_at > $window_start"),
        (LABELS, "i.occurred_at < $window_end", "i.occurred_at <= $window_end"),
        (LABELS, "AND a.occurred_at >= s.occurred_at", ""),
        (LABELS, "count(*) FILTER (rating = 'AGAIN')", "count(*) FILTER (score = 0)"),
    ),
    *in_query(
        "s1_snapshots/interactions",
        ("review_lapse_rate", "INTERVAL 5 SECOND", "INTERVAL 1 SECOND"),
        (
            "validation_score",
            "learner_key, occurred_at, source, source_id",
            "learner_key, occurred_at, source, source_id DESC",
        ),
        (
            "review_lapse_rate",
            "review_id AS source_id, review_id AS recorded_id",
            "review_id AS source_id, NULL AS recorded_id",
        ),
    ),
    *in_query(
        "s1_snapshots/interactions",
        ("interactions", "in_order AND days <= $memory_days", "in_order AND days <= $memory_days + 1"),
        ("interactions", "in_order AND days <= $memory_days", "in_order AND days < $memory_days"),
        ("interactions", "AND instant = last_instant", "AND instant < last_instant"),
        ("interactions", "day_recorded_before >= day - $memory_days", "day_recorded_before >= day"),
        ("interactions", "n > 2 OR n = 2 AND NOT in_order", "n > 2"),
        ("interactions", "n > 2 OR n = 2 AND NOT in_order", "n = 2 AND NOT in_order"),
        ("interactions", "ORDER BY occurred_at, source_rank, source_id) AS day", "ORDER BY occurred_at) AS day"),
        ("interactions", "unnamed THEN place > 1", "unnamed THEN place > 2"),
        ("interactions", "begins_unnamed AND named = 1", "begins_unnamed AND named <= 2"),
        ("interactions", "NOT unnamed AND NOT again", "NOT unnamed"),
        ("interactions", "(FROM numbered WHERE source_rank = 1) USING", "(FROM numbered WHERE source_rank = 0) USING"),
        tests=_GRADING_TESTS,
    ),
)
