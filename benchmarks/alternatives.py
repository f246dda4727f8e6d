"""The same features in straightforward pandas, and by a loop of queries an objective, beside the night's SQL.

.venv/bin/python -m benchmarks.alternatives [--learners N] [--loop PAIRS]

pandas computes eight of the fifteen, all from answers, and its values are compared with the night's. The loop asks a
PostgreSQL with indexes what the original service asked for each objective, and computes nothing.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from americano_assets.resources.database import connect
from americano_assets.resources.engine import open_engine
from americano_assets.resources.parquet_store import ParquetStore
from benchmarks.cohort import LAST_DAY, TARGET, Size, moment, night, write_cohort
from benchmarks.database import database
from benchmarks.features import load_state, taken

PAIR = ["learner_id", "objective_id"]
TOPIC = ["learner_id", "course_id"]
COMPARED = (
    *("retention_score", "review_lapse_rate", "validation_score", "prerequisite_gap_count"),
    *("prerequisite_mastery_gap", "complexity_mismatch", "historical_struggle_score", "days_since_last_study"),
)
_COLUMNS = [*PAIR, "course_id", "item_key", "occurred_at", "study_day", "kind", "score", "rating", "skipped"]
_REVIEWS = """
SELECT r.rating, r."reviewedAt" FROM reviews r
JOIN cards c ON c.id = r."cardId" JOIN learning_objectives o ON o.id = c."objectiveId"
WHERE r."userId" = %(l)s AND {of} AND r."reviewedAt" >= %(t)s::timestamp - interval '{days} days'
"""
_LOOP = (
    _REVIEWS.format(of="o.id = %(o)s", days=180),
    _REVIEWS.format(of='o."lectureId" = %(c)s', days=30),
    """SELECT v.score, v.skipped, v."respondedAt" FROM validation_responses v
    JOIN validation_prompts p ON p.id = v."promptId" WHERE v."userId" = %(l)s AND p."objectiveId" = %(o)s""",
    'SELECT "prerequisiteId", strength FROM objective_prerequisites WHERE "objectiveId" = %(o)s',
    'SELECT "durationMs", "startedAt" FROM study_sessions WHERE "userId" = %(l)s ORDER BY "startedAt" DESC LIMIT 5',
    'SELECT "date", objectives FROM missions WHERE "userId" = %(l)s AND "date" >= %(t)s',
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=500)
    parser.add_argument("--loop", type=int, default=300)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    size = Size(options.learners, 300, 180)
    try:
        rows = write_cohort(ParquetStore(root), size)
        print(f"{rows:,} interactions, {size.learners * size.objectives:,} pairs", flush=True)
        tables = night(root, size)
        ours: list[pa.Table] = []
        with open_engine() as engine:
            tables.view_log(engine, [LAST_DAY])
            load_state(engine, root, size)
            ask = taken(lambda: ours.append(engine.features(moment(), from_later_state=False, derived=True)))
            log = engine.run(f"SELECT {', '.join(_COLUMNS)} FROM interactions").to_pandas()
            text = "SELECT objective_id, course_id, complexity::DOUBLE AS complexity FROM objectives_known"
            objectives = engine.run(text).to_pandas()
            needs = engine.run("SELECT objective_id, prerequisite_id, strength FROM prerequisites").to_pandas()
        theirs: list[pd.DataFrame] = []
        frames = taken(lambda: theirs.append(in_pandas(log, objectives, needs)))
        _compare(ours[0].to_pandas(), theirs[0])
        print(f"all features of the night: {ask}; eight of them in pandas: {frames}; load {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    each = _loop(options.loop)
    print(f"a loop of {len(_LOOP)} queries an objective: {1000 * each:.1f} ms a pair; load {os.getloadavg()[0]:.1f}")


def in_pandas(log: pd.DataFrame, objectives: pd.DataFrame, needs: pd.DataFrame) -> pd.DataFrame:
    """COMPARED for every (learner, objective), from answers of 180 days, as docs/features.md defines them."""
    at = pd.Timestamp(moment().at.replace(tzinfo=None))
    cutoff_day = moment().parameters(False)["cutoff_day"]
    log = log.assign(age=cutoff_day - log["study_day"] - 1)  # type: ignore[operator]
    windows = log.assign(window=log["age"] // TARGET.horizon_days)
    struggles = _struggles(_without_replaced_skips(windows, "window"))
    log = _without_replaced_skips(log)
    reviews, lately = log[log["kind"] == "review"], log[log["age"] < 30]
    recent = reviews[reviews["age"] < 30]
    retention = recent.groupby(TOPIC)["score"].mean().rename("retention_score")
    lapses = (recent["rating"] == "AGAIN").groupby([recent[one] for one in PAIR]).mean().rename("review_lapse_rate")
    answers = lately[lately["kind"] == "validation"].sort_values(["occurred_at"])
    of_objective = answers.groupby(PAIR).tail(10).groupby(PAIR)["score"].mean().rename("of_objective")
    of_topic = answers.groupby(TOPIC).tail(10).groupby(TOPIC)["score"].mean().rename("of_topic")
    weight = np.exp(-np.log(2) * (at - log["occurred_at"]).dt.total_seconds() / 86400 / 90)
    sums = log.assign(w=weight, ws=weight * log["score"], validation=log["kind"] == "validation").groupby(PAIR)
    known = sums.agg(w=("w", "sum"), ws=("ws", "sum"), last=("occurred_at", "max"), n=("w", "size"),
                     validations=("validation", "sum"))  # fmt: skip
    known["mastery"] = (known["ws"] + 0.6) / (known["w"] + 1)
    enough = (known["n"] - known["validations"] >= 3) | (known["validations"] >= 1)
    known["mastered"] = (known["mastery"] >= 0.65) & enough
    known = known.reset_index().merge(objectives, on="objective_id")
    topic = known.groupby(TOPIC).agg(topic_mastery=("mastery", "mean"), topic_last=("last", "max"))
    pairs = log[["learner_id"]].drop_duplicates().merge(objectives, how="cross")
    result = pairs.merge(known[[*PAIR, "mastery", "mastered", "last"]], on=PAIR, how="left")
    for found, on in ((retention, TOPIC), (lapses, PAIR), (of_objective, PAIR), (of_topic, TOPIC), (topic, TOPIC)):
        result = result.merge(found.reset_index(), on=on, how="left")
    result = result.merge(struggles, on=TOPIC, how="left")
    result["validation_score"] = result["of_objective"].fillna(result["of_topic"])
    result["complexity_mismatch"] = (result["complexity"] - result["topic_mastery"]).clip(0, 1)
    since = (at - result["last"].fillna(result["topic_last"])).dt.total_seconds() / 86400 / 30
    result["days_since_last_study"] = since.clip(0, 1)
    below = needs.merge(result[[*PAIR, "mastery", "mastered"]].rename(columns={"objective_id": "prerequisite_id"}))
    below["missing"] = below["strength"] * ~below["mastered"].fillna(False).astype(bool)
    below["had"] = below["strength"] * below["mastery"].fillna(0)
    gaps = below.groupby(PAIR)[["strength", "missing", "had"]].sum().reset_index()
    result = result.merge(gaps, on=PAIR, how="left")
    result["prerequisite_gap_count"] = (result["missing"] / result["strength"]).fillna(0)
    result["prerequisite_mastery_gap"] = (1 - result["had"] / result["strength"]).fillna(0)
    return result[[*PAIR, *COMPARED]]


def _without_replaced_skips(log: pd.DataFrame, *within: str) -> pd.DataFrame:
    """Without skips that a later answer to the same prompt replaces, be it in the same `within` only."""
    prompt = ["learner_id", "item_key", *within]
    answered = log[(log["kind"] == "validation") & ~log["skipped"]]
    last = answered.groupby(prompt)["occurred_at"].max().rename("answered_at").reset_index()
    log = log.merge(last, on=prompt, how="left")
    return log[~(log["skipped"] & (log["answered_at"] >= log["occurred_at"]))].drop(columns="answered_at")


def _struggles(log: pd.DataFrame) -> pd.DataFrame:
    log = log.assign(again=log["rating"] == "AGAIN", review=log["kind"] == "review")
    windows = log[log["window"] < 180 // TARGET.horizon_days].groupby([*TOPIC, "objective_id", "window"])
    one = windows.agg(mean=("score", "mean"), n=("score", "size"), again=("again", "sum"), reviews=("review", "sum"))
    one = one[(one["reviews"] >= 3) | (one["n"] > one["reviews"])]
    low = one["mean"] < TARGET.struggle_below
    struggled = low | ((one["again"] >= 3) & (10 * one["again"] >= 3 * one["reviews"]))
    share = struggled.groupby(TOPIC).agg(["sum", "size"])
    return ((share["sum"] + 1) / (share["size"] + 2)).rename("historical_struggle_score").reset_index()


def _compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    both = ours.merge(theirs, on=PAIR, suffixes=("", "_pandas"))
    assert len(both) == len(ours)
    for name in COMPARED:
        seen = both[both[f"observed_{name}"]]
        differs = int((~np.isclose(seen[name], seen[f"{name}_pandas"], atol=1e-6)).sum())
        print(f"  {name}: {differs} of {len(seen):,} values differ from pandas'")


def _loop(pairs: int) -> float:
    """Seconds a pair."""
    from benchmarks.learner import NOW, fill

    with database() as (url, _), connect(url, autocommit=True) as connection:
        fill(url, NOW, 4000)
        began = time.perf_counter()
        for number in range(pairs):
            values = {"l": "learner-0", "o": f"objective-{number % 300}", "c": f"lecture-{number % 6}", "t": NOW}
            for text in _LOOP:
                connection.execute(text.encode(), values).fetchall()
        return (time.perf_counter() - began) / pairs


if __name__ == "__main__":
    main()
