"""What the columns of our own tables mean: those of schema ml that a night writes.

Migrations make the tables; a test compares these lists with a live database.
"""

from americano_assets.core.models.risk import P_MEANS
from americano_assets.stages.common.dictionary.described import DescribedColumn, DescribedTable

_ID, _SHARE, _COUNT, _AT = "text", "double precision", "integer", "timestamp(3)"


def _table(name: str, *columns: tuple[str, str, str]) -> DescribedTable:
    """A table of (name, type, meaning); a type that ends in `?` may be null."""
    return DescribedTable(
        name,
        tuple(
            DescribedColumn(column, kind.rstrip("?"), meaning, nullable=kind.endswith("?"))
            for column, kind, meaning in columns
        ),
    )


_EPISODE = (
    ("prediction_id", _ID, "The episode (learner, objective, planned day): id of its prediction."),
    ("user_id", _ID, "The learner."),
)
_PAIR = (
    *_EPISODE,
    ("learning_objective_id", _ID, "The learning objective."),
    ("course_id", "text?", "The topic: the course of the objective's lecture."),
    ("planned_day", "date", "The day for which the objective is planned."),
)
_NIGHT = ("study_day", "date", "The night: what was known at this study day's cut-off.")
_COMPUTED = ("computed_at", _AT, "That cut-off (UTC).")
_SCOPE = ("scope", "text", "What the row speaks of, such as all, course or learner.")
_SCOPE_ID = ("scope_id", "text", "Which one, by its id; empty of all.")
_MODEL_VERSION = ("model_version", "text", "Content hash of the model.")
_PROBABILITY = ("probability", _SHARE, f"p of a struggle: {P_MEANS}.")
_THRESHOLD = ("threshold", _SHARE, "p from which on that model flags, 0-1.")

STUDY_DAYS = _table(
    "study_days",
    ("study_day", "date", "The study day that was published."),
    ("cutoff_at", _AT, "Its cut-off (UTC)."),
    ("kind", "text", "nightly or replay."),
    ("live", "boolean", "A learner could have seen it in time."),
    ("model_version", "text", "The model that scored it."),
    ("manifest_hash", "text", "Hash of the contents that it was computed from."),
    ("candidates", _COUNT, "Pairs that were scored."),
    ("published", _COUNT, "Predictions in the app's table."),
    ("published_at", _AT, "When it was published (UTC)."),
    ("experiment_unit", "text", "What chance draws: learner or episode; as in force at first publication."),
    ("holdout_share", _SHARE, "Share that is held out, 0-1; as in force at first publication."),
    ("held_out", _COUNT, "Published episodes in the holdout."),
)
PUBLISHED = _table(
    "published",
    ("table_name", "text", "The app's table."),
    ("row_id", _ID, "The row."),
    ("user_id", _ID, "The learner."),
    ("written", "jsonb", "What was last written: column to value as text; only that may be written over."),
    ("study_day", "date", "The study day that wrote it."),
)
ASSIGNMENTS = _table(
    "assignments",
    *_PAIR,
    ("arm", "text", "treated or holdout."),
    ("unit", "text", "What chance drew: learner or episode."),
    ("holdout_share", _SHARE, "Share that was held out then, 0-1."),
    ("eligible", "boolean", "Chance decided, and the learner counts in aggregates."),
    ("live", "boolean", "A learner could have seen it in time."),
    ("flagged_at", _AT, "Cut-off of the first flag (UTC); its window begins there."),
    ("window_end", _AT, "End of that window (UTC)."),
    ("probability", _SHARE, f"p of a struggle at the first flag: {P_MEANS}."),
    _THRESHOLD,
    _MODEL_VERSION,
    ("intervention_types", "text[]", "Help that was chosen at the first flag, whatever the arm."),
)
INTERVENTION_ACTIONS = _table(
    "intervention_actions",
    ("intervention_id", _ID, "The published intervention."),
    *_EPISODE,
    ("actions", "jsonb", "What a machine needs to carry it out."),
)
ALERTS = _table(
    "alerts",
    ("id", _ID, "Id of the alert: a function of its prediction."),
    *_EPISODE,
    ("type", "text", "What kind of alert it is."),
    ("title", "text", "A few words to the learner."),
    ("message", "text", "A sentence to the learner."),
    ("severity", "text", "LOW, MEDIUM, HIGH or CRITICAL."),
    ("priority", _SHARE, "0-100, the most pressing first."),
    ("due_at", _AT, "When the objective is planned (UTC)."),
    ("intervention_id", "text?", "The intervention that it suggests."),
    ("created_at", _AT, "Cut-off of the first night that had it (UTC)."),
    ("study_day", "date", "The night whose values these are."),
)
EPISODES = _table(
    "episodes",
    *_PAIR,
    ("first_flagged_at", "timestamp(3)?", "Cut-off of the first flag (UTC); null: never flagged."),
    ("first_probability", "double precision?", f"p of a struggle at the first flag: {P_MEANS}."),
    ("refreshed_at", _AT, "Cut-off of the last refresh before the planned day (UTC)."),
    _PROBABILITY,
    _THRESHOLD,
    _MODEL_VERSION,
    ("live", "boolean", "A learner could have seen it in time."),
    ("window_end", _AT, "End of the window of the last refresh (UTC)."),
    ("outcome", "text?", "struggled, not_struggled or unstudied; null: the window is open."),
    ("outcome_at", "timestamp(3)?", "When the outcome was known: the end of the window (UTC)."),
)
FIRST_FLAG_OUTCOMES = _table(
    "first_flag_outcomes",
    *_EPISODE,
    ("outcome", "text", "struggled, not_struggled or unstudied in the window of the first flag."),
    ("mean_struggle", "boolean", "Studied, and the mean graded score below struggle_below."),
    ("mean_score", "double precision?", "Mean graded score in that window, 0-1; null: nothing was graded."),
    ("n_reviews", _COUNT, "Reviews in that window."),
    ("n_validations", _COUNT, "Graded validations in that window."),
    ("n_again", _COUNT, "Reviews in that window that were AGAIN."),
    ("struggle_below", _SHARE, "A mean score below is a struggle, 0-1."),
    ("applied_types", "text[]", "Help that the learner applied before the window closed."),
    ("outcome_at", _AT, "End of that window (UTC)."),
)
OUTCOME_CHANGES = _table(
    "outcome_changes",
    ("id", "bigint", "Number of the change."),
    *_EPISODE,
    ("basis", "text", "What changed it: the window of last_refresh or first_flag, or feedback."),
    ("old_outcome", "text?", "What had been told."),
    ("new_outcome", "text", "What holds now."),
    ("known_at", _AT, "Cut-off of the night that found it, or when the learner said so (UTC)."),
    ("reason", "text", "Why it changed."),
)
MODEL_VERSIONS = _table(
    "model_versions",
    ("model_version", "text", "Content hash of the model file."),
    ("model_type", "text", "Kind of model."),
    ("study_day", "date", "Trained on what was known at this study day's cut-off."),
    ("threshold", _SHARE, "p from which on it flags, 0-1."),
    ("horizon_days", _COUNT, "How far ahead it predicts, in study days."),
    ("struggle_below", _SHARE, "A mean score below is a struggle, 0-1."),
    ("dataset_version", "text", "Content hash of its training set."),
    ("mlflow_run_id", "text?", "Its run in MLflow; null where MLflow could not be reached."),
    ("registry_version", "text?", "Its version in MLflow's registry."),
    ("metrics", "jsonb", "Figures on learners held out, by model."),
    (
        "feature_importance",
        "jsonb",
        "Share of each feature, 0-1, adding up to 1; each 0 of the rules, which weigh none.",
    ),
    ("created_at", _AT, "When the row was made (UTC)."),
)
MODEL_EVENTS = _table(
    "model_events",
    ("id", "bigint", "Number of the event."),
    ("study_day", "date", "In force from this study day on."),
    ("event", "text", "promoted, refused, passed_over, rolled_back or released."),
    ("model_version", "text", "The model that it is about."),
    ("instead_of", "text?", "What scored before; null: nothing did."),
    ("decided_by", "text", "The gate, or a person's name."),
    ("by_hand", "boolean", "A person decided."),
    ("forced", "boolean", "Promoted although the gate refused."),
    ("reason", "text", "Why."),
    ("happened_at", _AT, "When it was decided (UTC)."),
)
_FIGURE = "double precision?"
MODEL_PERFORMANCE = _table(
    "model_performance",
    _NIGHT,
    _SCOPE,
    _SCOPE_ID,
    ("model_type", "text", "Kind of the model that made the newest of these predictions."),
    ("model_version", "text", "The model that made the newest of these predictions."),
    ("n", _COUNT, "Scored pairs with a known outcome."),
    ("base_rate", _FIGURE, "Share of them that struggled, 0-1."),
    ("always_no_accuracy", _FIGURE, "Accuracy of never flagging, 0-1."),
    ("accuracy", _FIGURE, "Share of right verdicts at the threshold, 0-1."),
    ("precision", _FIGURE, "Share of flagged pairs that struggled, 0-1."),
    ("recall", _FIGURE, "Share of struggles that were flagged, 0-1."),
    ("f1_score", _FIGURE, "Harmonic mean of precision and recall, 0-1."),
    ("auc_roc", _FIGURE, "Area under the ROC curve, 0-1."),
    ("brier", _FIGURE, "Mean squared error of p, 0-1."),
    ("log_loss", _FIGURE, "Mean log loss of p, in nats."),
    ("ece", _FIGURE, "Expected calibration error, 0-1."),
    ("calibration", "jsonb", "Mean p and true rates by bin of p, with counts."),
    ("reason", "text?", "Why a figure is null."),
    _COMPUTED,
    ("average_precision", _FIGURE, "Area under the precision-recall curve, 0-1."),
    ("struggles", "integer?", "Struggles of the newest closed window, scored or not; null: not counted here."),
    ("struggles_scored", "integer?", "Of those, the ones that a night had scored in time."),
    ("made_by", "jsonb?", "Predictions by kind of the model that made them; null: written by an earlier version."),
    ("versions", "integer?", "How many models made these predictions."),
    ("scored_from", "date?", "First study day on which they were made."),
    ("scored_to", "date?", "Last study day on which they were made."),
    ("slices", "jsonb?", "Figures by part (course, activity, …) where the scope is a kind of model."),
    ("gaps", "jsonb?", "By kind of part the difference in recall whose interval begins highest, likewise."),
    (
        "warnings",
        "jsonb?",
        "Flagged pairs: how many struggled (`right`), have an outcome (`known`), and have none (`unknown`); likewise.",
    ),
    (
        "drawn_share",
        _FIGURE,
        "Share of the learners whose predictions these are, drawn whole by a hash of their ids, 0-1; null: all.",
    ),
)
STRUGGLE_REDUCTION = _table(
    "struggle_reduction",
    _NIGHT,
    _SCOPE,
    _SCOPE_ID,
    ("period", "text", "week, month or all."),
    ("kind", "text", "observational: before and after, never the effect."),
    (
        "baseline_rate",
        _FIGURE,
        "Share of (objective, week)s studied in the six weeks before the first prediction that struggled, 0-1.",
    ),
    ("current_rate", _FIGURE, "The same of the last whole weeks since: one, four, or all, 0-1."),
    ("reduction_percentage", _FIGURE, "Fall of the rate, in percent of the baseline."),
    ("baseline_start", "timestamp(3)?", "Begin of the time before (UTC)."),
    ("baseline_end", "timestamp(3)?", "End of the time before (UTC)."),
    ("current_start", "timestamp(3)?", "Begin of the whole weeks since (UTC); null: there is none."),
    ("current_end", "timestamp(3)?", "End of those weeks (UTC)."),
    ("baseline_studied", _COUNT, "(objective, week)s studied before."),
    ("current_studied", _COUNT, "(objective, week)s studied since."),
    ("replayed", "boolean", "The first prediction was a replay."),
    ("timeline", "jsonb", "Struggle rate by week, with counts."),
    ("reason", "text?", "Why a rate is null."),
    ("by_weeks", "boolean", "False: by a version before, of windows of unlike length; shown nowhere until run again."),
    _COMPUTED,
)
EFFECTS = _table(
    "effects",
    _NIGHT,
    ("evidence", "text", "experiment, rehearsal or observational."),
    _SCOPE,
    _SCOPE_ID,
    ("period", "text", "week, month or all."),
    ("estimand", "text", "What is compared, such as intention_to_treat or studied_only."),
    ("method", "text", "How it is estimated."),
    ("estimate", _FIGURE, "Treated minus holdout; of struggle rates negative where help works."),
    ("low", _FIGURE, "Lower end of the 95 % interval, valid under nightly looks."),
    ("high", _FIGURE, "Upper end of that interval."),
    ("standard_error", _FIGURE, "Standard error of the estimate."),
    ("rate_treated", _FIGURE, "Plain mean of the treated arm."),
    ("rate_holdout", _FIGURE, "Plain mean of the holdout."),
    ("n_treated", _COUNT, "Episodes treated."),
    ("n_holdout", _COUNT, "Episodes held out."),
    ("learners_treated", _COUNT, "Learners with a treated episode."),
    ("learners_holdout", _COUNT, "Learners with an episode held out."),
    ("bound_low", _FIGURE, "Lower bound where selective study touches the comparison."),
    ("bound_high", _FIGURE, "Upper bound of the same."),
    ("details", "jsonb", "Checks of an observational estimate; applications and success rate of a type."),
    ("reason", "text?", "Why there is no estimate, or why not to believe it."),
    _COMPUTED,
)
LIST_OUTCOMES = _table(
    "list_outcomes",
    ("listed_on", "date", "The night whose morning list is looked at."),
    ("course_id", "text", "The course; empty: objectives that belong to none."),
    (
        "outcomes",
        "boolean[]",
        "By rank, whether that learner struggled in the course within the horizon; null: unknown.",
    ),
    ("struggled", _COUNT, "Learners of the course who did, on the list or not."),
    ("study_day", "date", "The night that found it, the first after the window has closed."),
)
DRIFT = _table(
    "drift",
    _NIGHT,
    _SCOPE,
    _SCOPE_ID,
    ("measure", "text", "psi, psi_mean, label_rate or ece."),
    ("feature", "text", "The feature, of a psi."),
    ("value", _FIGURE, "Stability index, change of the struggle rate, or calibration error beyond chance."),
    ("reference", _FIGURE, "Mean or rate that the models learned from; of ece what chance alone would show."),
    ("current", _FIGURE, "The same now."),
    ("n_reference", _COUNT, "Rows that the models learned from."),
    ("n_current", _COUNT, "Rows now."),
    ("status", "text", "ok, warn, alarm or too_few."),
    _COMPUTED,
)
