"""The fifteen features as one would write them in pandas without thinking of time: a yardstick for the night's SQL."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.cohort import TARGET, moment

PAIR = ["learner_id", "objective_id"]
TOPIC = ["learner_id", "course_id"]
# What is asked of the night's engine, by name.
INPUTS = {
    "log": "SELECT learner_id, objective_id, course_id, item_key, session_key, occurred_at, study_day, kind, score, "
    "rating, skipped FROM interactions",
    "sessions": "SELECT learner_id, session_key, occurred_at, study_day, into_day, duration_ms, performance "
    "FROM session_ends",
    "objectives": "SELECT objective_id, course_id, complexity::DOUBLE AS complexity, format FROM objectives_known",
    "needs": "SELECT objective_id, prerequisite_id, strength FROM prerequisites",
    "profiles": "SELECT learner_id, optimal_session_minutes, visual, reading, kinesthetic FROM profiles",
    "exams": "SELECT learner_id, course_id, exam_at FROM exams",
    "plans": "SELECT learner_id, objective_id, planned_at FROM planned_objectives WHERE status = 'PENDING'",
}


def fifteen(data: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Every feature of every (learner, objective), null where it is not observed; from INPUTS."""
    at = pd.Timestamp(moment().at.replace(tzinfo=None))
    cutoff_day = moment().parameters(False)["cutoff_day"]
    objectives = data["objectives"]
    log = data["log"].assign(age=cutoff_day - data["log"]["study_day"] - 1)  # type: ignore[operator]
    struggles = _struggles(_without_replaced_skips(log.assign(window=log["age"] // TARGET.horizon_days), "window"))
    log = _without_replaced_skips(log)
    recent = log[(log["kind"] == "review") & (log["age"] < 30)]
    known = _known(log, objectives, at)
    topic = known.groupby(TOPIC).agg(topic_mastery=("mastery", "mean"), topic_last=("last", "max"))
    answers = log[(log["age"] < 30) & (log["kind"] == "validation")].sort_values(["occurred_at"])

    pairs = log[["learner_id"]].drop_duplicates().merge(objectives, how="cross")
    result = pairs.merge(known[[*PAIR, "mastery", "mastered", "last"]], on=PAIR, how="left")
    for found, on in (
        (recent.groupby(TOPIC)["score"].mean().rename("retention_score"), TOPIC),
        (_decline(recent), TOPIC),
        ((recent["rating"] == "AGAIN").groupby([recent[one] for one in PAIR]).mean().rename("review_lapse_rate"), PAIR),
        (answers.groupby(PAIR).tail(10).groupby(PAIR)["score"].mean().rename("of_objective"), PAIR),
        (answers.groupby(TOPIC).tail(10).groupby(TOPIC)["score"].mean().rename("of_topic"), TOPIC),
        (topic, TOPIC),
        (struggles, TOPIC),
        (_sessions(data["sessions"], recent, data["profiles"], cutoff_day), ["learner_id"]),
        (_formats(data["profiles"]), ["learner_id", "format"]),
        (_exams(data["exams"], at), TOPIC),
        (_workload(data["plans"], known, at), ["learner_id"]),
        (_gaps(data["needs"], known, pairs), PAIR),
    ):
        result = result.merge(found.reset_index(), on=on, how="left")
    result["validation_score"] = result["of_objective"].fillna(result["of_topic"])
    result["content_complexity"] = result["complexity"]
    result["complexity_mismatch"] = (result["complexity"] - result["topic_mastery"]).clip(0, 1)
    since = (at - result["last"].fillna(result["topic_last"])).dt.total_seconds() / 86400 / 30
    result["days_since_last_study"] = since.clip(0, 1)
    result["workload_level"] = (result["n_open"].fillna(0) / 50).clip(0, 1)
    for gap in ("prerequisite_gap_count", "prerequisite_mastery_gap"):
        result[gap] = result[gap].fillna(0)
    return result


def _known(log: pd.DataFrame, objectives: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    weight = np.exp(-np.log(2) * (at - log["occurred_at"]).dt.total_seconds() / 86400 / 90)
    sums = log.assign(w=weight, ws=weight * log["score"], validation=log["kind"] == "validation").groupby(PAIR)
    known = sums.agg(w=("w", "sum"), ws=("ws", "sum"), last=("occurred_at", "max"), n=("w", "size"),
                     validations=("validation", "sum"))  # fmt: skip
    known["mastery"] = (known["ws"] + 0.6) / (known["w"] + 1)
    enough = (known["n"] - known["validations"] >= 3) | (known["validations"] >= 1)
    known["mastered"] = (known["mastery"] >= 0.65) & enough
    return known.reset_index().merge(objectives, on="objective_id")


def _gaps(needs: pd.DataFrame, known: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    states = known[[*PAIR, "mastery", "mastered"]].rename(columns={"objective_id": "prerequisite_id"})
    below = pairs[PAIR].merge(needs, on="objective_id").merge(states, on=["learner_id", "prerequisite_id"], how="left")
    below["missing"] = below["strength"] * ~below["mastered"].fillna(False).astype(bool)
    below["had"] = below["strength"] * below["mastery"].fillna(0)
    gaps = below.groupby(PAIR)[["strength", "missing", "had"]].sum()
    gaps["prerequisite_gap_count"] = gaps["missing"] / gaps["strength"]
    gaps["prerequisite_mastery_gap"] = 1 - gaps["had"] / gaps["strength"]
    return gaps[["prerequisite_gap_count", "prerequisite_mastery_gap"]]


def _decline(recent: pd.DataFrame) -> pd.Series:
    daily = recent.groupby([*TOPIC, "study_day"])["score"].mean().reset_index()
    x = daily["study_day"] - daily["study_day"].max()
    days = daily.assign(x=x, xy=x * daily["score"], xx=x * x).groupby(TOPIC)
    sums = days[["x", "score", "xy", "xx"]].sum().assign(n=days.size())
    spread = sums["n"] * sums["xx"] - sums["x"] ** 2
    slope = (sums["n"] * sums["xy"] - sums["x"] * sums["score"]) / spread
    return (-10 * slope[sums["n"] >= 3]).clip(0, 1).rename("retention_decline_rate")


def _sessions(ends: pd.DataFrame, recent: pd.DataFrame, profiles: pd.DataFrame, cutoff_day: object) -> pd.DataFrame:
    key = ["learner_id", "session_key"]
    ends = ends.assign(age=cutoff_day - ends["study_day"] - 1)  # type: ignore[operator]
    ends = ends[ends["age"] < 14].merge(profiles[["learner_id", "optimal_session_minutes"]], how="left")
    good = recent["rating"].isin(["GOOD", "EASY"]).groupby([recent[one] for one in key]).mean().rename("good")
    ends = ends.merge(good.reset_index(), on=key, how="left")
    ends["performance"] = ends["performance"].fillna(ends["good"])
    counted = ends[ends["performance"].notna()].sort_values(["occurred_at", "session_key"])
    five = counted.groupby("learner_id").tail(5).groupby("learner_id")["performance"].mean()
    today = ends[ends["age"] < 1].assign(
        overran=ends["duration_ms"] > 1.5 * 60000 * ends["optimal_session_minutes"],
        late=(ends["into_day"] > 0) & (ends["into_day"] <= 6 * 3600000),
    )
    load = today.groupby("learner_id").agg(p=("performance", "mean"), overran=("overran", "any"), late=("late", "any"))
    heavy = (1 - load["p"] + 0.1 * load["overran"] + 0.1 * load["late"]).clip(0, 1)
    return pd.DataFrame({"session_performance_score": five, "cognitive_load_indicator": heavy})


def _formats(profiles: pd.DataFrame) -> pd.DataFrame:
    shares = profiles.set_index("learner_id")[["visual", "reading", "kinesthetic"]].dropna()
    ranks = 0.3 * (shares.rank(axis=1, ascending=False, method="min") - 1)
    ranks.columns = pd.Index(["visual", "text", "clinical"], name="format")
    return ranks.melt(value_name="content_type_mismatch", ignore_index=False).set_index("format", append=True)


def _exams(exams: pd.DataFrame, at: pd.Timestamp) -> pd.Series:
    following = exams[exams["exam_at"] >= at].groupby(TOPIC)["exam_at"].min()
    return (1 - ((following - at).dt.total_seconds() / 86400 / 90).clip(0, 1)).rename("days_until_exam")


def _workload(plans: pd.DataFrame, known: pd.DataFrame, at: pd.Timestamp) -> pd.Series:
    near = plans[(plans["planned_at"] >= at) & (plans["planned_at"] < at + pd.Timedelta(days=14))]
    near = near[PAIR].drop_duplicates().merge(known[[*PAIR, "mastered"]], on=PAIR, how="left")
    return near[~near["mastered"].fillna(False).astype(bool)].groupby("learner_id").size().rename("n_open")


def _without_replaced_skips(log: pd.DataFrame, *within: str) -> pd.DataFrame:
    """Without skips that a later answer to the same prompt replaces, be it in the same `within` only."""
    prompt = ["learner_id", "item_key", *within]
    answered = log[(log["kind"] == "validation") & ~log["skipped"]]
    last = answered.groupby(prompt)["occurred_at"].max().rename("answered_at").reset_index()
    log = log.merge(last, on=prompt, how="left")
    return log[~(log["skipped"] & (log["answered_at"] >= log["occurred_at"]))].drop(columns="answered_at")


def _struggles(log: pd.DataFrame) -> pd.Series:
    log = log.assign(again=log["rating"] == "AGAIN", review=log["kind"] == "review")
    windows = log[log["window"] < 180 // TARGET.horizon_days].groupby([*TOPIC, "objective_id", "window"])
    one = windows.agg(mean=("score", "mean"), n=("score", "size"), again=("again", "sum"), reviews=("review", "sum"))
    one = one[(one["reviews"] >= 3) | (one["n"] > one["reviews"])]
    low = one["mean"] < TARGET.struggle_below
    struggled = low | ((one["again"] >= 3) & (10 * one["again"] >= 3 * one["reviews"]))
    share = struggled.groupby(TOPIC).agg(["sum", "size"])
    return ((share["sum"] + 1) / (share["size"] + 2)).rename("historical_struggle_score")
