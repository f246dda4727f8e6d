"""Which model scored a night and why; on little data, what can be told yet and how much is missing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from americano_assets.cli.display.sql import query
from americano_assets.cli.display.terminal import say
from americano_assets.core.interventions.measured_help import MIN_LEARNERS
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.study_days.study_day import cutoff, days_between
from americano_assets.core.training.champion_history import AUTO
from americano_assets.core.training.fit import RULES
from americano_assets.core.training.flagging import NOBODY
from americano_assets.core.training.readiness import first_training_day, lacking
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment

_GRADED = "interactions"


def show_scoring(connection: Any, settings: Settings, day: date, scoring: tuple[str, float] | None) -> None:
    """Which model scored, from which probability on it flags, and why that one; then what is missing, if anything is.

    Args:
        connection: On the app's database.
        settings: The deployment's.
        day: The study day.
        scoring: Type and threshold of the model.
    """
    store = ParquetStore(store_files(settings))
    recorded = store.manifest(day, "model")
    if scoring is None or recorded is None:
        return
    model_type, threshold = scoring
    summary = recorded["summary"]
    is_rules = model_type == RULES
    name = "the rules" if is_rules else f"a trained model, {model_type.replace('_', ' ')}"
    flags = "Nobody is flagged" if threshold >= NOBODY else f"An objective is flagged from p = {threshold:.2f} on"
    say(f"Scored by {name}. {flags}. Why: {summary['why']}.")
    read = {one: version for one, version in _read(store, settings, day).items() if version.rows}
    if not read:
        return
    say(f"Read of the log: {len(read):,} study days with graded answers, {min(read)} to {max(read)}.")
    if is_rules and settings.model_type == AUTO and (missing := lacking(summary["rows"])):
        _show_missing(connection, settings, day, read, summary["rows"], missing)


def _read(store: ParquetStore, settings: Settings, day: date) -> dict[date, Version]:
    """Graded answers by study day that was read, up to `day`."""
    return dict(sorted(store.current_days(_GRADED, days_between(settings.americano_start_day, day)).items()))


def _so_far(settings: Settings, read: dict[date, Version]) -> dict[str, int]:
    """Graded answers, wherever the app records them, learners and objectives: what nights go by."""
    deployment = Deployment(settings)
    with open_engine() as engine:
        engine.view(_GRADED, deployment.store.paths(_GRADED, read))
        engine.register("analysable", pa.table({"learner_id": pa.array(deployment.analysable(), pa.string())}))
        counts: dict[str, int] = engine.run(query("log_so_far")).to_pylist()[0]
    return counts


def _show_missing(
    connection: Any,
    settings: Settings,
    day: date,
    read: dict[date, Version],
    rows: dict[str, float],
    missing: list[str],
) -> None:
    at = cutoff(day, settings.zone)
    found = _so_far(settings, read)
    horizon = settings.americano_horizon_days
    say(
        f" of {_number(found['learners'], 'learner')}, on {_number(found['objectives'], 'objective')}.",
        bold=f"\nWhat can be told yet, by {_number(found['answers'], 'graded answer')}",
    )
    say("• Who may struggle: yes, by rules that need no training. They do not know yet how often they are right.")
    told = f"{rows['rows']:,.0f} outcomes are known to learn from"
    first = first_training_day(min(read), horizon)
    if first > day:
        told += f"; the first can be known on study day {first}"
    takes = f"An outcome takes several answers of a learner on an objective within {horizon} days (docs/features.md)"
    say(f"• By a trained model: not yet; {told}. {takes}. Learners with outcomes: {'; '.join(missing)}.")
    known = connection.execute(
        "SELECT coalesce(max(n), 0) FROM ml.model_performance WHERE study_day = %s AND scope = 'all'", [day]
    ).fetchone()[0]
    if known < LEAST_ROWS:
        closes = at + timedelta(days=horizon)
        ahead = closes > datetime.now(UTC)
        when = f"close on {_local(closes, settings):%Y-%m-%d}" if ahead else "have closed: later nights tell"
        told = f"the windows of this night's predictions {when}"
        say(f"• How good the predictions are: not yet; {known} of {LEAST_ROWS} have an outcome, and {told}.")
    held_out = settings.americano_holdout_share
    needed = f"{MIN_LEARNERS} learners with help and {MIN_LEARNERS} without, by chance"
    share = f"{held_out:.0%} are held out" if held_out else "nobody is held out (AMERICANO_HOLDOUT_SHARE)"
    say(f"• Whether help helps: not yet; it takes outcomes of {needed}; {share}.")
    say("Nothing is lost meanwhile: every night adds to what can be told, and trains by itself once it can.")


def _local(at: datetime, settings: Settings) -> datetime:
    return at.astimezone(settings.zone)


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"
