"""Bugs in the ratings, the cohort's record and the learner's own."""

from americano_assets_tests.planted_bugs.planting import FEATURE_TESTS, Mutation, in_query

_T = "americano_assets_tests/stages/s2_features"
_RATINGS = f"{_T}/test_rating_values.py {_T}/test_rating_practice.py"
_PASS = "americano_assets_tests/core/features/test_skill_ratings.py"
_RECORD = f"{_T}/test_record_values.py"
_KEPT = f"{_T}/test_kept_days.py"

_IN_PASS = (
    ("forgetting", "f_mean[u] += f_var[u] * since * gain", "f_mean[u] += f_var[u] * gain"),
    ("forgetting", "f_mean[u] * since + t_mean", "f_mean[u] + t_mean"),
    ("time since", "(today - p_day[p]) / 7.0) - USUAL_TIME_SINCE", "(today - p_day[p]) / 7.0)"),
    ("practice", "right[p] += gained[p]", "right[p] += missed[p]"),
    ("practice", "z[2] = math.log(1.0 + (today", "z[4] = math.log(1.0 + (today"),
    ("same day", "SAME_DAY * (answers[p] - 1)", "SAME_DAY * answers[p]"),
    ("same day", "answers[p], gained[p], missed[p] = 0, 0.0, 0.0", "gained[p], missed[p] = 0.0, 0.0"),
    ("uncertainty", "l_var[u] = min(l_prior, l_var[u] + grown)", "l_var[u] += grown"),
    ("uncertainty", "grown = DAILY_VARIANCE *", "grown = 0.0 *"),
    ("variance", "+ t_var[t] + p_var[p] + o_var[o]", "+ p_var[p] + o_var[o]"),
    ("opted out", "if counted[k] and (close or end < n):", "if True:"),
    ("names", "math.floor(1e9 * share * surprise * z[j] + 0.5)", "1e9 * share * surprise * z[j]"),
    ("coefficients", "left -= factor[m, j] * solved[m]", "left -= factor[j, m] * solved[m]"),
    ("coefficients", "precision[m, j] = precision[j, m]", "precision[m, j] = 0.0"),
)
MUTATIONS = (
    *(Mutation(touches, "core/features/skill_update.py", text, planted, _PASS) for touches, text, planted in _IN_PASS),
    *in_query(
        "s2_features/rating_terms",
        ("elo_topic", "t.other = k.course_key", "true"),
        ("elo_pair", "AND p.other = s.objective_key", ""),
        ("elo_practice", "- $usual_time_since, 0)", ", 0)"),
        ("elo_practice", "($cutoff_day - p.day) / 7.0", "($cutoff_day - p.day) / 30.0"),
        ("elo_practice", "c.rights * ln(1 + p.right", "c.rights * ln(1 + p.wrong"),
        ("elo_practice", "c.studied + c.rights", "c.rights"),
        ("elo_practice", "(c.since + COALESCE(f.mean, 0))", "c.since"),
        ("elo_practice", "AND key = other", ""),
        ("elo_chance", "$daily_variance, $cutoff_day - l.day)", "0, $cutoff_day - l.day)"),
        ("elo_chance", "$daily_variance, $cutoff_day - p.day)", "0, $cutoff_day - p.day)"),
        ("elo_chance", "* time_since * time_since", "* time_since"),
        ("elo_chance", "+ COALESCE(o.variance, $objective_variance) AS variance", "AS variance"),
        ("elo_chance", "COALESCE(o.variance, $objective_variance)", "COALESCE(o.variance, 0)"),
        ("elo_chance", "practice - objective)", "practice + objective)"),
        ("elo_chance", "-(everyone + learner", "-(learner"),
        ("elo_chance", "pi() / 8 *", "pi() / 4 *"),
        tests=_RATINGS,
    ),
    *in_query(
        "s2_features/features",
        ("elo_chance", "el.chance AS", "1 - el.chance AS"),
        ("elo_learner", "logit_share(el.everyone + el.learner)", "logit_share(el.learner)"),
        ("elo_pair", "logit_share(el.pair)", "logit_share(el.pair + el.everyone)"),
        ("elo_topic", "logit_share(el.topic)", "logit_share(el.pair)"),
        ("elo_practice", "logit_share(el.practice)", "logit_share(-el.practice)"),
        ("elo_difficulty", "logit_share(el.objective)", "logit_share(-el.objective)"),
        tests=_RATINGS,
    ),
    *in_query("s2_features/macros", ("elo_learner", "0.5 + x / 12", "0.5 + x / 10"), tests=_RATINGS),
    *in_query(
        "s2_features/cohort_pairs",
        ("cohort_first_try", "arg_min(t.first_nano", "arg_max(t.first_nano"),
        ("cohort_first_try", "chronological(t.study_day, t.first_place)", "t.first_place"),
        ("cohort_recent", "t.n_skipped) FILTER (t.study_day >= $cohort_day - 30)", "t.n_skipped)"),
        ("cohort_recent", "t.n_skipped) FILTER (t.study_day >= $cohort_day - 30)", "t.n_skipped) FILTER (false)"),
        (
            "cohort_recent",
            "n_skipped) FILTER (t.study_day >= $cohort_day - 30)",
            "n_skipped) FILTER (t.study_day >= $cohort_day - 31)",
        ),
        (
            "cohort_recent",
            "nano)) FILTER (t.study_day >= $cohort_day - 30)",
            "nano)) FILTER (t.study_day >= $cohort_day - 31)",
        ),
        ("cohort_recent", "t.n_validations + t.n_skipped", "t.n_validations"),
        ("cohort_first_try", "(FROM learners_known WHERE in_analytics)", "(FROM learners_known)"),
        ("cohort_before", "t.study_day >= $cohort_day - 180", "t.study_day >= $cohort_day - 181"),
        ("cohort_before", "t.study_day >= $cohort_day - 180", "t.study_day >= $cohort_day - 179"),
        ("cohort_before", "t.study_day < $cohort_day", "t.study_day <= $cohort_day"),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/cohort_record",
        ("cohort_before", "count(*) AS n_learners", "1 AS n_learners"),
        ("cohort_first_try", "sum(first_nano)", "max(first_nano)"),
        ("cohort_recent", "sum(n_30)", "count(n_30)"),
        ("cohort_recent", "sum(score_nano_30)", "max(score_nano_30)"),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/day_totals",
        ("cohort_recent", "(count(*) FILTER (skipped))", "0"),
        ("days_since_lapse", "max(occurred_at) FILTER (rating = 'AGAIN')", "max(occurred_at) FILTER (true)"),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/objective_history",
        ("days_since_lapse", "max(last_lapse_at)", "min(last_lapse_at)"),
        ("topic_last_score", "max(chronological(study_day, last_place)) AS last_at", "max(last_place) AS last_at"),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/features",
        ("cohort_first_try", "o.first_nano, cp.first_nano,", "o.first_nano, 0,"),
        ("cohort_recent", "o.score_nano_30, cp.score_nano_30,", "o.score_nano_30, 0,"),
        ("cohort_recent", "o.n_30, cp.n_30", "o.n_30, 0"),
        (
            "cohort_before",
            "log_share(less(o.n_learners, (cp.learner_key IS NOT NULL)::INTEGER)",
            "log_share((o.n_learners)",
        ),
        ("cohort_before", "::INTEGER), 1000)", "::INTEGER), 100)"),
        (
            "log_successes",
            "log_share(h.score_nano / 1000000000.0, 100)",
            "log_share(h.score_nano / 1000000000.0, 1000)",
        ),
        ("log_failures", "log_share(h.n_graded - h.score_nano / 1000000000.0", "log_share(h.n_graded"),
        (
            "topic_log_successes",
            "log_share(tr.score_nano / 1000000000.0, 1000)",
            "log_share(tr.score_nano / 1000000000.0, 100)",
        ),
        (
            "topic_log_failures",
            "tr.score_nano / 1000000000.0, 1000) AS topic_log_f",
            "tr.score_nano / 1000000000.0, 100) AS topic_log_f",
        ),
        ("topic_last_score", "arg_max(last_nano, last_at)", "arg_min(last_nano, last_at)"),
        ("topic_success", "shrunk(tr.score_nano, tr.n_graded)", "shrunk(tr.last_nano, tr.n_graded)"),
        ("objective_success", "shrunk(h.score_nano, h.n_graded)", "shrunk(h.last_nano, h.n_graded)"),
        (
            "days_since_lapse",
            "epoch_ms(h.last_lapse_at)) / 86400000.0 / 30",
            "epoch_ms(h.last_lapse_at)) / 86400000.0 / 60",
        ),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/macros",
        ("topic_success", "1000000000.0 + 1.2) / (n + 2)", "1000000000.0 + 1.0) / (n + 2)"),
        ("log_failures", "ln(1 + n)", "ln(1.5 + n)"),
        tests=_RECORD,
    ),
    # A weight of a day that is left out leaves its answers out of everything.
    *in_query(
        "s2_features/day_weights",
        ("objective_success", "($cutoff_day - 181)", "($cutoff_day - 179)"),
        ("last_score", "DATE '1970-01-01' + $cutoff_day", "DATE '1970-01-01' + ($cutoff_day - 1)"),
        tests=_RECORD,
    ),
    *in_query(
        "s2_features/day_weights", ("prerequisite_mastery_gap", "decay(opens_at, $cutoff)", "1.0"), tests=FEATURE_TESTS
    ),
    *in_query(
        "s2_features/kept_topic_windows",
        ("historical_struggle_score", "($cutoff_day - closes_day) % $horizon_days = 0", "true"),
        ("historical_struggle_score", "BETWEEN 0 AND", "BETWEEN 1 AND"),
        ("historical_struggle_score", "180 // $horizon_days - 1", "180 // $horizon_days - 2"),
        ("historical_struggle_score", "180 // $horizon_days - 1", "180 // $horizon_days"),
        tests=_KEPT,
    ),
)
