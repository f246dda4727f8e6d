"""Bugs in the experiment, the effect, the simulated school and the single-case test: what help changed."""

from americano_assets_tests.planted_bugs.planting import Mutation

_T = "americano_assets_tests"
_PLANTED = f"{_T}/stages/s8_reduction/test_planted_truth.py"
_OF_DAY = f"{_T}/stages/s8_reduction/test_effects_of_day.py"
_COMPARING = f"{_T}/stages/s8_reduction/test_comparing.py"
_LIVED = f"{_T}/stages/s8_reduction/test_lived.py::test_help_that_works_is_found_where_it_was_published"
_WORLD = f"{_T}/loading/demo/simulator/test_lived.py"
_DRAW = f"{_T}/core/publication/test_experiment.py"
_EXPERIMENT = f"{_T}/stages/s6_publication/test_experiment.py"
_OUTCOMES = f"{_T}/stages/s7_outcomes/test_outcome_writing.py"
_LABELS = f"{_T}/stages/s2_features/test_labels.py"
_SINGLE = f"{_T}/core/effects/test_single_case.py"
_PHASES = f"{_T}/stages/s8_reduction/test_single_case.py"
_BEFORE = f"{_T}/stages/s8_reduction/test_before_after.py"

MUTATIONS = (
    Mutation(
        "six weeks before are judged as one window",
        "stages/s8_reduction/sql/struggle_totals.sql",
        "- i.study_day) // 7 AS week",
        "- i.study_day) // CASE WHEN s.is_before THEN 42 ELSE 7 END AS week",
        _BEFORE,
    ),
    Mutation(
        "what has passed of a week since the first prediction is one",
        "stages/s8_reduction/sql/struggle_totals.sql",
        "NOT s.since OR o.week < o.whole_weeks",
        "NOT s.since OR o.week <= o.whole_weeks",
        _BEFORE,
    ),
    Mutation(
        "help counts where it was applied, not where it was assigned",
        "core/effects/effects.py",
        'ledger.assign(treated=ledger["arm"] == TREATED, ',
        'ledger.assign(treated=ledger["applied_types"].map(len).gt(0), ',
        f"{_LIVED} {_OF_DAY}",
    ),
    Mutation(
        "arms are drawn anew each night",
        "stages/s6_publication/transaction.py",
        '.arms(rows["learner_id"],',
        '.arms(rows["learner_id"] + str(at),',
        _EXPERIMENT,
    ),
    Mutation(
        "a larger share holds out others",
        "core/publication/random_assignment.py",
        "draw(self.salt, *unit) < self.policy.share",
        "draw(self.salt + str(self.policy.share), *unit) < self.policy.share",
        _DRAW,
    ),
    Mutation(
        "the draw is not uniform",
        "core/publication/random_assignment.py",
        "math.ldexp(number,",
        "0.9 * math.ldexp(number,",
        _DRAW,
    ),
    Mutation(
        "a late night counts as seen",
        "core/publication/random_assignment.py",
        "<= published_at - cutoff <= ON_TIME",
        "<= published_at - cutoff",
        _DRAW,
    ),
    Mutation(
        "the holdout is published with help",
        "stages/s6_publication/transaction.py",
        "a.arm = '{HOLDOUT}'",
        "a.arm = 'nobody'",
        _EXPERIMENT,
    ),
    Mutation(
        "nothing looks whether help reached the holdout",
        "stages/s6_publication/holdout.py",
        "if row is not None and row[0]:",
        "if False and row is not None:",
        _EXPERIMENT,
    ),
    Mutation(
        "units in both arms are not noticed",
        "stages/s6_publication/holdout.py",
        "        if in_both:",
        "        if False:",
        _EXPERIMENT,
    ),
    Mutation(
        "an outcome is judged before its window has closed",
        "stages/s7_outcomes/sql/closing_first_flags.sql",
        "a.window_end <= %(cutoff)s",
        "a.flagged_at <= %(cutoff)s",
        f"{_OUTCOMES} {_LIVED}",
    ),
    Mutation(
        "what closes after the cut-off is known",
        "stages/s8_reduction/sql/effect_ledger.sql",
        "o.outcome_at <= %(cutoff)s",
        "o.outcome_at <= %(cutoff)s + INTERVAL '9 days'",
        _OF_DAY,
    ),
    Mutation(
        "who did not study is left out",
        "stages/s8_reduction/sql/effect_ledger.sql",
        "WHERE o.outcome_at",
        "WHERE o.outcome <> 'unstudied' AND o.outcome_at",
        _OF_DAY,
    ),
    Mutation(
        "who did not study struggled",
        "stages/s2_features/sql/labels.sql",
        "struggled IS NOT NULL AND mean_struggles(score_nano, n_reviews + n_validations, $struggle_below)",
        "COALESCE(mean_struggles(score_nano, n_reviews + n_validations, $struggle_below), true)",
        f"{_LABELS} {_LIVED}",
    ),
    Mutation(
        "the effect counts lapses too",
        "stages/s7_outcomes/sql/first_flag_outcomes_upsert.sql",
        "s.mean_struggle, s.mean_score",
        "s.outcome = 'struggled', s.mean_score",
        _OUTCOMES,
    ),
    Mutation(
        "who keeps out of aggregates is counted",
        "stages/s8_reduction/sql/effect_ledger.sql",
        '\n  AND u."includeInAnalytics"',
        "",
        _OF_DAY,
    ),
    Mutation(
        "replays are an experiment",
        "core/effects/effects.py",
        'ledger[ledger["eligible"] & ledger["live"]]',
        'ledger[ledger["eligible"]]',
        f"{_OF_DAY}::test_replays_are_a_rehearsal_never_the_effect",
    ),
    Mutation(
        "two designs are mixed",
        "core/effects/effects.py",
        "return rows.loc[same]",
        "return rows.loc[same | True]",
        f"{_OF_DAY}::test_two_designs_are_never_mixed",
    ),
    Mutation(
        "intervals are made for one look",
        "core/statistics/confidence_sequence.py",
        "return standard_error * math.sqrt((clock + 1) / clock * (math.log1p(clock) + twice))",
        "return standard_error * 1.96 + 0 * clock",
        f"{_PLANTED}::test_without_an_effect_no_night_claims_one_while_before_and_after_does",
    ),
    Mutation(
        "answers of one learner are taken for independent",
        "core/effects/randomized.py",
        'cov_type="cluster", cov_kwds={"groups": groups}',
        'cov_type="HC1"',
        _COMPARING,
    ),
    Mutation(
        "the comparison is not adjusted for p",
        "core/effects/randomized.py",
        "np.column_stack([np.ones(len(rows)), treated, centred, treated * centred])",
        "np.column_stack([np.ones(len(rows)), treated])",
        f"{_PLANTED}::test_adjusting_for_p_makes_intervals_narrower",
    ),
    Mutation(
        "a type is credited with its companions' work",
        "core/effects/randomized.py",
        "rows = rows[rows[types].any(axis=1)] if len(rows) else rows",
        "rows, types = rows[rows[types].any(axis=1)], types[-2:]",
        f"{_PLANTED}::test_the_one_type_that_works_is_named_and_no_other",
    ),
    Mutation(
        "bounds ignore who was brought to study",
        "core/effects/randomized.py",
        "np.clip(1 - share[1 - arm] / share[arm], 0, None)",
        "np.clip(0 * share[arm], 0, None)",
        f"{_PLANTED}::test_help_that_brings_learners_to_study_shows_as_attrition_and_widens_the_bounds",
    ),
    Mutation(
        "two learners are enough",
        "core/effects/randomized.py",
        "if min(found.learners_treated, found.learners_holdout) < least:",
        "if min(found.learners_treated, found.learners_holdout) < 0:",
        f"{_OF_DAY}::test_an_empty_ledger_says_why_there_is_nothing",
    ),
    Mutation(
        "the observational estimate adjusts for nothing",
        "core/effects/observational.py",
        'adjusted, overlap = _aipw(rows, "struggle", _covariates(rows),',
        'adjusted, overlap = _aipw(rows, "struggle", 0 * _covariates(rows),',
        f"{_PLANTED}::test_with_confounding_by_indication_the_adjusted_estimate_errs_less_than_the_naive_one",
    ),
    Mutation(
        "a failed placebo check is not told",
        "core/effects/observational.py",
        "elif placebo is not None and not _holds_zero(placebo):",
        "elif placebo is not None and placebo.low is None:",
        _COMPARING,
    ),
    Mutation(
        "an estimate is given where nobody can be compared",
        "core/effects/observational.py",
        "if overlap < LEAST_OVERLAP:",
        "if overlap < 0:",
        _COMPARING,
    ),
    Mutation(
        "help reaches the holdout in the simulated school",
        "loading/demo/scenarios/sql/helped_now.sql",
        'JOIN intervention_recommendations r ON r."predictionId" = a.prediction_id',
        "",
        _WORLD,
    ),
    Mutation(
        "help changes what was done before it came",
        "loading/demo/scenarios/living_cohort.py",
        "opens=np.maximum(told.opens, _first_to_come(loaded, first))",
        "opens=told.opens + 0 * _first_to_come(loaded, first)",
        _WORLD,
    ),
    Mutation(
        "the planted truth counts only one life",
        "loading/demo/scenarios/living_cohort.py",
        "for world in (everybody, alone))",
        "for world in (everybody, everybody))",
        _WORLD,
    ),
    Mutation(
        "ties do not count in the randomization test",
        "core/effects/single_case.py",
        "(differences <= happened + slack)",
        "(differences < happened - slack)",
        _SINGLE,
    ),
    Mutation(
        "what happened is not among the drawn ways",
        "core/effects/single_case.py",
        "own = 0 if found.exact else 1",
        "own = 0",
        _SINGLE,
    ),
    Mutation(
        "phases may be shorter than they are",
        "core/effects/single_case.py",
        "bars - place + least * (place + 1)",
        "bars - place + (place + 1)",
        _SINGLE,
    ),
    Mutation(
        "a day of both phases counts as one of them",
        "stages/s8_reduction/single_case.py",
        "if len(known) == 1:",
        "if known:",
        _PHASES,
    ),
)
