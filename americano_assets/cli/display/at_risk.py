"""Who is at risk: by course and objective, then a few learners who differ."""

from datetime import UTC, date, datetime
from typing import Any

from rich.table import Column

from americano_assets.cli.display.sql import query
from americano_assets.cli.display.terminal import Table, say
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.core.training.flagging import nobody_told
from americano_assets.settings import Settings
from americano_assets.stages.s9_report.page.data import LATER_NIGHTS
from americano_assets.stages.s9_report.sql import query as report_query

_OBJECTIVES, _LEARNERS, _REASONS = 12, 12, 2
_SURE = 0.995


def probability(p: float) -> str:
    """A probability to two digits; what is not certain is never written as 1 or 0."""
    return "> 0.99" if p >= _SURE else "< 0.01" if p < 1 - _SURE else f"{p:.2f}"


def show_at_risk(connection: Any, settings: Settings, day: date, threshold: float | None) -> str | None:
    """Open predictions as of the day's cut-off, or why there are none.

    Args:
        connection: On the app's database.
        settings: The deployment's.
        day: The study day.
        threshold: That of the model which scored it; None where none did.

    Returns:
        The id of the first learner that is shown; None where nobody is.
    """
    at = cutoff(day, settings.zone)
    asked = {"cutoff": naive(at), "limit": _LEARNERS, "reasons": _REASONS}
    plans = {"zone": settings.zone.key, "horizon": settings.americano_horizon_days}
    objectives = connection.execute(report_query("at_risk"), asked | plans).fetchall()
    shown = connection.execute(query("learners_who_differ"), asked).fetchall()
    title = f"At risk, as of {at.astimezone(settings.zone):%Y-%m-%d %H:%M %Z}"
    *_, later = connection.execute(report_query("nights"), {"since": day, "day": day}).fetchone()
    if not shown:
        why = f"none is left. {LATER_NIGHTS}" if later else f"nobody, {nobody_told(threshold)}."
        say(f"{title}: {why}")
        return None
    table = Table(
        Column("learners", justify="right"),
        Column("planned by", no_wrap=True),
        "course, objective, and the commonest reasons",
        title=title,
        is_airy=True,
    )
    for _, identity, course, objective, _, learners, reasons, planned, first in objectives[:_OBJECTIVES]:
        told = (f"{n:,}: {reason}" for n, reason in reasons or ())
        plan = f"{planned:,}, from {_day(first, settings)}" if planned else "nobody"
        table.add(f"{learners:,}", plan, (_named(course, objective, identity), *told))
    if objectives:
        table.show()
    if later:
        say(LATER_NIGHTS)
    if rest := objectives[_OBJECTIVES:]:
        say(f"And {len(rest):,} more objectives; the table struggle_predictions has them all.")
    table = Table(
        Column("learner", no_wrap=True),
        Column("p", justify="right", no_wrap=True),
        Column("due", no_wrap=True),
        "objective, and the first reason",
        title=f"\n{len(shown)} learners who differ in objective, reason or risk; the higher p, the likelier a struggle",
        is_airy=True,
    )
    for learner, course, identity, objective, due, p, reason in shown:
        named = _named(course, objective, identity)
        table.add(learner, probability(p), _day(due, settings), (named, *filter(None, [reason])))
    table.show()
    say(
        "Due is the day for which the learner plans the objective; what is not planned, the weakest that a learner has"
        f" studied, is due after {settings.americano_horizon_days} days."
    )
    return str(shown[0][0])


def _named(course: str, objective: str, identity: str) -> str:
    """The objective's words, on one line, after the course's; of one without words its id."""
    words = " ".join(objective.split()) or identity
    return words if course in words else f"{course}: {words}"


def _day(moment: datetime, settings: Settings) -> str:
    return f"{moment.replace(tzinfo=UTC).astimezone(settings.zone):%d %b}"
