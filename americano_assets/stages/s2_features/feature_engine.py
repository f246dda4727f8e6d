"""The engine of features and labels: state, history, windows and values at a cut-off, by the queries of `sql/`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from americano_assets.core.features import skill_ratings
from americano_assets.core.features.catalog import select_list
from americano_assets.core.study_days.cutoff import PLAN_AHEAD_DAYS, Cutoff, naive
from americano_assets.core.study_days.study_day import day_number
from americano_assets.resources.duckdb.connection import Engine, connected, damage_told
from americano_assets.resources.duckdb.row_order import sorted_rows
from americano_assets.stages.s2_features.query_plan import (
    COHORT_BASIS,
    COHORT_STEPS,
    DERIVED_TABLES,
    FEATURE_STEPS,
    HISTORY_STEPS,
    KEPT_WINDOWS,
    STATE_STEPS,
    WINDOW_STEPS,
    WINDOWS,
    step,
)
from americano_assets.stages.s2_features.skill_ratings import RATINGS_SCHEMA
from americano_assets.stages.s2_features.sql import query

GIVEN_PAIRS = pa.schema(
    [("learner_id", pa.string()), ("objective_id", pa.string()), ("planned_at", pa.timestamp("us"))]
)

# How the log is narrowed to the learners who matter.
_OF_INTEREST = "SEMI JOIN interesting_learners USING (learner_key)"

# What says whose candidates there are, and reads the log of no other.
_WHO = ("open_plans", "interesting_learners")

# Joins are taken as they are written: then rows keep the order of what stands first.
_JOIN_ORDER = "join_order,build_side_probe_side"
_PLACES = ("learner_place", "objective_place")
# From this share of the known learners on, none is left out of the scan of the log.
_MOST = 0.5


class FeatureEngine(Engine):
    """An engine with the macros of features and labels loaded."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, few_rows: bool = False) -> None:
        """Load the macros; `few_rows` as Engine's."""
        super().__init__(connection, few_rows=few_rows)
        self._state: dict[str, Path] = {}
        connection.execute(query("macros"))
        # Nobody has answered anything, unless the caller registers the ratings of the last closed cut-off.
        self.register("ratings", RATINGS_SCHEMA.empty_table())

    def load_state(self, tables: Mapping[str, Path]) -> None:
        """Make the state tables, by name, ready for `features`; needs the calendar. A no-op for the same files."""
        if tables == self._state:
            return
        for name, path in tables.items():
            self.view(name, [path])
        self._make_state()
        self._state = dict(tables)

    def set_state(self, tables: Mapping[str, pa.Table]) -> None:
        """As `load_state`, of tables in memory."""
        for name, table in tables.items():
            self.register(name, table)
        self._make_state()
        self._state = {}

    def _make_state(self) -> None:
        for name in STATE_STEPS:
            self.make(name, query(name), {})

    def derive(self, table: str) -> pa.Table:
        """Rows of one of DERIVED_TABLES for all days of the view `interactions`, sorted by day."""
        text = query(table).replace("{interactions}", "interactions")
        return self.run(text, {"cutoff_into": 0})

    def cohort(self, moment: Cutoff, *, derived: bool = False) -> dict[str, pa.Table]:
        """Numbers of all learners at a closed cut-off, by the query that makes them; reads as `features` does."""
        parameters = moment.parameters(False)
        self._derived(parameters, kept=derived)
        for name in COHORT_BASIS:
            self.make(name, query(name), parameters)
        return {name: self.run(query(name), parameters).sort_by("objective_key") for name in COHORT_STEPS}

    def features(
        self,
        moment: Cutoff,
        *,
        from_later_state: bool,
        pairs: pa.Table | None = None,
        plan_ahead_days: int = PLAN_AHEAD_DAYS,
        cohort: tuple[date, Mapping[str, pa.Table]] | None = None,
        derived: bool = False,
        windows: bool = False,
        until: int | None = None,
    ) -> pa.Table:
        """Spine and features at a cut-off, sorted by learner and objective.

        Reads the views interactions and session_ends, and what `load_state` made.

        Args:
            moment: The cut-off.
            from_later_state: The plans were snapshotted too late to speak for the cut-off.
            pairs: The pairs to compute, as GIVEN_PAIRS (`planned_at` may be left out or null: without a plan), instead
                of the night's candidates. Those of unknown or opted-out learners, or unknown objectives, are left out;
                of a pair given twice the earliest plan counts.
            plan_ahead_days: The night's candidates are planned within so many study days.
            cohort: What `cohort` gave at the closing of a day, where the log here is one learner's and cannot tell.
            derived: As `history`.
            windows: Beside `derived`: what is kept of label windows can be read as `topic_windows_kept`.
            until: The night's candidates are those of learners whose key is below it; None: of all.
        """
        given = pairs is not None
        if pairs is not None:
            self.register("given_pairs", requested_pairs(pairs))
        parameters = moment.parameters(from_later_state, plan_ahead_days) | skill_ratings.parameters()
        numbers: Mapping[str, pa.Table] = {}
        if cohort is not None:
            closed, numbers = cohort
            parameters["cohort_day"] = day_number(closed) + 1
        self._derived(parameters, kept=derived)
        for name, kind in FEATURE_STEPS:
            text = query(step(name, given=given))
            if name in numbers:
                self.register(f"{name}_given", numbers[name])
                text = f"FROM {name}_given"
            if name == WINDOWS and windows:
                text = query(KEPT_WINDOWS)
            self._step(name, text, parameters, kind)
            if until is not None and name in _WHO:
                self.connection.execute(f"DELETE FROM {name} WHERE learner_key >= {until}")
        text = query("features").replace("{columns}", select_list())
        return self._in_order(text, parameters)

    def history(self, moment: Cutoff, pairs: pa.Table, *, derived: bool = False) -> None:
        """Make `objective_history` at a cut-off, of the learners of `pairs` (GIVEN_PAIRS) alone; reads as `features`.

        Args:
            moment: The cut-off.
            pairs: The pairs.
            derived: DERIVED_TABLES of all days before the cut-off can be read as `<name>_kept`; the cut-off closes a
                study day.
        """
        self.register("given_pairs", requested_pairs(pairs))
        parameters = moment.parameters(False)
        self._derived(parameters, kept=derived)
        self.make("interesting_learners", query("given_learners"), parameters)
        for name, kind in HISTORY_STEPS:
            self._step(name, query(name), parameters, kind)

    def windows(self, moment: Cutoff) -> pa.Table:
        """How label windows before a closed cut-off ended for all learners, by window; from the kept days."""
        parameters = moment.parameters(False)
        self._derived(parameters, kept=True)
        for name, kind in WINDOW_STEPS:
            self.make(name, query(name).replace("{of_interest}", ""), parameters, kind)
        text = query(WINDOWS)
        return self.run(f"FROM (\n{text}) ORDER BY closes_day, learner_key, objective_key", parameters)

    def _in_order(self, text: str, parameters: Mapping[str, object]) -> pa.Table:
        """Rows of a query whose joins keep the order of what stands first, piece by piece."""
        self.connection.execute(f"SET disabled_optimizers = '{_JOIN_ORDER}'")
        rows = self.run(text, parameters)
        self.connection.execute("RESET disabled_optimizers")
        learner, objective = (rows[name].to_numpy().astype(np.int64) for name in _PLACES)
        return sorted_rows(rows.drop_columns(list(_PLACES)), learner << 32 | objective)

    def _derived(self, parameters: Mapping[str, object], *, kept: bool) -> None:
        until = query("log_until")
        for name in DERIVED_TABLES:
            source = f"{name}_kept"
            if not kept:
                source = f"{name}_made"
                text = query(name).replace("{interactions}", f"({until}) AS log")
                self.make(source, text, parameters)
            self.make(name, f"FROM {source}", {}, "VIEW")

    def _step(self, name: str, text: str, parameters: Mapping[str, object], kind: str) -> None:
        of_interest = self._of_interest() if "{of_interest}" in text else ""
        self.make(name, text.replace("{of_interest}", of_interest), parameters, kind)

    def _of_interest(self) -> str:
        """How the log is narrowed to the learners who matter: not at all where they are most, it would cost more."""
        if self._parsed is not None:
            return ""
        ((interesting, known),) = self.connection.execute(
            "SELECT (SELECT count(*) FROM interesting_learners), (SELECT count(*) FROM learners_known)"
        ).fetchall()
        return _OF_INTEREST if interesting <= _MOST * known else ""

    def labels(self, pairs: pa.Table, start: datetime, end: datetime, struggle_below: float) -> pa.Table:
        """Outcomes of (learner_id, objective_id) pairs in [start, end), sorted by learner and objective."""
        self.register("pairs", pairs.select(["learner_id", "objective_id"]))
        window = {"window_start": naive(start), "window_end": naive(end), "struggle_below": struggle_below}
        return self.run(query("labels"), window)


def requested_pairs(pairs: pa.Table) -> pa.Table:
    """Pairs that a caller names as GIVEN_PAIRS; those without a column `planned_at` have no plan."""
    if "planned_at" not in pairs.column_names:
        pairs = pairs.append_column("planned_at", pa.nulls(len(pairs), GIVEN_PAIRS.field("planned_at").type))
    return pairs.select(GIVEN_PAIRS.names).cast(GIVEN_PAIRS)


@contextmanager
def open_feature_engine(side_by_side: int = 1) -> Iterator[FeatureEngine]:
    """An engine of its own, one of so many that work at once; as `open_engine`."""
    with connected(side_by_side=side_by_side) as connection, damage_told(engine := FeatureEngine(connection)):
        yield engine
