"""The tables that a run ends with."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row
from rich.table import Column

from americano_assets.cli.display.at_risk import show_at_risk
from americano_assets.cli.display.held_out import figure, show_held_out
from americano_assets.cli.display.readiness import show_scoring
from americano_assets.cli.display.sql import query
from americano_assets.cli.display.terminal import Table, echo, say
from americano_assets.contract.enums import PredictionStatus
from americano_assets.core.effects.effects import EXPERIMENT, REHEARSAL
from americano_assets.core.outcomes.performance import MODEL_TYPE, whose
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.installation import COMMAND
from americano_assets.resources.home.folder import demo_sentence
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.connection import connect, prepare
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.quarantine import readings
from americano_assets.stages.s1_snapshots.unread_rows import unread_log, unread_plans
from americano_assets.stages.s9_report.sql import query as report_query

_API = "http://127.0.0.1:{}/predictions"


def show_demo(settings: Settings, day: date, options: str = "") -> None:
    """Riskiest predictions, held-out figures, what became of the replayed ones, where to look next.

    Args:
        settings: The demo's.
        day: The study day that was scored last.
        options: What later commands need to find this demo.
    """
    from americano_assets.loading.demo.extent import whom

    with connect(prepare(settings)) as connection:
        if shown := whom(connection):
            say(f"{shown}\n")
        scoring = _scoring_model(connection, day)
        learner = show_at_risk(connection, settings, day, scoring[1] if scoring else None)
        show_held_out(settings, day, scoring)
        _show_best_possible(settings, day)
        _show_outcomes(connection, settings)
        _show_matured(connection, day)
        _show_effect(connection, day)
    _show_demo_settings(settings)
    call = f"{COMMAND} {options}"
    commands = {
        f"{call}dev": "Dagster's lineage, the API and MLflow on this machine",
        f'psql "$({call}db-url)"': "the tables that the app reads",
        f"{call}report --open": "all of it on one page",
        f"{call}nightly": "the last closed study day again",
        f"{call}stop": "stop the embedded database",
    }
    say("", bold="\nWhere to look next")
    for command, what in commands.items():
        echo(f"  {command:<{max(map(len, commands))}}  {what}")
    if learner is not None:
        echo("  While dev runs, what the app is told of the first learner above:")
        echo(f"  curl '{_API.format(settings.port)}?user_id={learner}'")


def show_set_aside(settings: Settings, day: date, since: datetime) -> None:
    """How many rows of the app's tables were set aside, how to look at them, and what else was not read.

    Args:
        settings: The deployment's.
        day: The study day of the night.
        since: Readings that began then or later count (aware).
    """
    aside: Counter[str] = Counter()
    for reading in readings(ParquetStore(store_files(settings))):
        if reading.read_at >= since:
            aside[reading.table] += reading.bad + reading.left_out
    if rows := aside.total():
        by_table = ", ".join(f"{table} {n:,}" for table, n in sorted(aside.items()))
        told = f"{rows:,} row{'' if rows == 1 else 's'} ({by_table})"
        say(f"Set aside, and not read: {told}. {COMMAND} quarantine says why.")
    deployment = Deployment(settings)
    with deployment.connect() as connection:
        unread = [*unread_log(connection, deployment, day), *unread_plans(connection, deployment, day)]
    if unread:
        told = "; ".join(f"{one.rows:,} in {one.table} {one.which}" for one in unread)
        say(f"Not read either, and no error: {told}.")


def show_night(settings: Settings, day: date) -> None:
    """What one study day published."""
    with connect(prepare(settings)) as connection:
        row = connection.execute(
            "SELECT candidates, published, model_version FROM ml.study_days WHERE study_day = %s", [day]
        ).fetchone()
        if row is not None:
            say(f"Study day {day}: {row[0]:,} candidates, {row[1]:,} published, model {row[2][:8]}.")
            _show_new_target(connection, settings, day)
        scoring = _scoring_model(connection, day)
        show_scoring(connection, settings, day, scoring)
        show_at_risk(connection, settings, day, scoring[1] if scoring else None)
    _show_demo_settings(settings)


def _show_new_target(connection: Any, settings: Settings, day: date) -> None:
    """That horizon or threshold are others than in the night before, where they are: a shell may lack a setting."""
    before = connection.execute(query("target_before"), {"day": day}).fetchone()
    now = (settings.americano_horizon_days, settings.americano_struggle_below)
    if before is not None and tuple(before) != now:
        say(
            f"This night foresees a mean score below {now[1]:g} within {now[0]} study days, the one before"
            f" {before[1]:g} within {before[0]}. Outcomes are judged by the new ones; what nobody plans may be there"
            " twice until what is open closes. Where that was not meant, correct AMERICANO_HORIZON_DAYS or"
            " AMERICANO_STRUGGLE_BELOW and run it again.",
            style="yellow",
        )


def _show_demo_settings(settings: Settings) -> None:
    if sentence := demo_sentence(settings):
        say(f"\n{sentence}")


def _scoring_model(connection: Any, day: date) -> tuple[str, float] | None:
    """Type and threshold of the model that scored a study day."""
    found: tuple[str, float] | None = connection.execute(report_query("scoring_model"), {"day": day}).fetchone()
    return found


def _show_best_possible(settings: Settings, day: date) -> None:
    from americano_assets.loading.demo.scenarios.cohort_demo import is_simulated, yardstick

    deployment = Deployment(settings)
    if not is_simulated(deployment):
        return
    found = yardstick(deployment, day)
    if isinstance(found, str):
        say(f"Best possible AUC: not known here, for {found}.")
        return
    reached = ", ".join(f"{name.replace('_', ' ')} {auc:.3f}" for name, auc in found.reached.items())
    say(
        f" on the {found.rows:,} of these rows that are planned for the day "
        f"after their cut-off: so much the true probabilities reach, and so much, by them: {reached}.",
        bold=f"Best possible AUC {found.best:.3f}",
    )


def _show_outcomes(connection: Any, settings: Settings) -> None:
    rows = connection.execute(query("statuses_by_day"), {"zone": settings.zone.key}).fetchall()
    shown = [status for status in PredictionStatus if any(row[1] == status for row in rows)]
    table = Table(
        "study day",
        *(s.lower().replace("_", " ") for s in shown),
        title="\nWhat became of them",
        is_framed=True,
    )
    for day in sorted({row[0] for row in rows}):
        counts = {row[1]: row[2] for row in rows if row[0] == day}
        table.add(f"{day:%Y-%m-%d}", *(f"{counts[status]:,}" if status in counts else "·" for status in shown))
    table.show()
    say(
        "Counted here is what was published, by the night that wrote it last: flagged pairs, and as missed the"
        " struggles of those that were not flagged; resolved had too few answers to tell."
    )


def _show_matured(connection: Any, day: date) -> None:
    """A sentence for each kind of model whose predictions have matured: pooled, the figures would be nobody's."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(report_query("performance"), {"day": day}).fetchall()
    for one in rows:
        if one["scope"] != MODEL_TYPE:
            continue
        told = whose(
            one["model_type"], one["versions"], one["n"], one["scored_from"], one["scored_to"], one["drawn_share"]
        )
        if one["accuracy"] is None:
            say(f"Flagged or not, of {told}: {one['reason']}.")
            continue
        if one["unseen"]:
            told += (
                f"; {one['unseen']:,} of {one['nights']:,} nights that made them were replays, or too late to be seen"
            )
        say(
            f"Flagged or not, of {told}: accuracy {one['accuracy']:.3f} (always no {one['always_no_accuracy']:.3f}), "
            f"precision {figure(one['precision'])}, recall {figure(one['recall'])}, AUC {figure(one['auc_roc'])}, "
            f"calibration error {figure(one['ece'])}, base rate {one['base_rate']:.3f}."
        )


def _show_effect(connection: Any, day: date) -> None:
    """What was planted, where that is known, what chance says, and what before and after says, in the same points."""
    table = Table(
        "struggles",
        Column("points", justify="right", no_wrap=True),
        Column("95 %", no_wrap=True),
        "of what",
        title="\nWhat helped",
    )
    planted = connection.execute(report_query("planted_effect"), {"day": day, "least": LEAST_ROWS}).fetchone()
    if planted is not None:
        effect, _, _, episodes = planted
        table.add("planted", _points(effect), "", f"the truth in {episodes:,} episodes", style="green")
    reasons = []
    for evidence, estimate, low, high, n_treated, n_holdout, reason in connection.execute(
        report_query("told_effect"), {"day": day}
    ):
        if estimate is None:
            reasons.append(f"Effect ({evidence}): {reason}")
            continue
        what = f"{n_treated:,} episodes treated, {n_holdout:,} held out"
        if planted is not None and evidence == EXPERIMENT:
            what += f": {'holds' if low <= planted[0] <= high else 'misses'} the truth"
        if evidence == REHEARSAL:
            what += ". Nothing reached anybody in these replays: the truth is 0"
        style = "bold" if evidence == EXPERIMENT else None
        interval = f"{_points(low)} to {_points(high)}"
        table.add(evidence, _points(estimate), interval, ". ".join(filter(None, [what, reason])), style=style)
    found = connection.execute(report_query("before_after"), {"day": day, "least": LEAST_ROWS}).fetchone()
    before, since, percentage, _, _, replayed, reason, *_ = found or (*5 * [None], False, "nothing was computed")
    if percentage is not None:
        why = "nobody was helped in these replays" if replayed else "whoever is helped or not"
        change = f"{abs(percentage):.0f} % {'fewer' if percentage >= 0 else 'more'} struggles"
        what = f"{change} by whole weeks, {why}: not the effect"
        table.add("before/after", _points(since - before), "", what, style="yellow")
    else:
        reasons.append(f"Before and after: {reason}.")
    if table.rows:
        table.show()
    for line in reasons:
        say(line)


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"
