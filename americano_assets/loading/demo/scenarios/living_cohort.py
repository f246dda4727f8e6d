"""Simulated learners who live with what is published: help eases what they study next, and nothing else does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.scenarios.sql import query
from americano_assets.loading.demo.simulator import Arguments, Cohort, load_since, simulate, stored_arguments
from americano_assets.loading.demo.simulator.draw.curriculum import OBJECTIVES
from americano_assets.loading.demo.simulator.draw.help import Windows, eased, rows_within, struggled_within
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.stages.common.deployment import Deployment

Connection = psycopg.Connection[Any]


class LivingDeployment(Deployment):
    """A deployment whose clock can stand at a moment of the cohort's life; None: the clock of this machine."""

    clock: datetime | None = None

    def now(self) -> datetime:
        """Aware and in UTC."""
        return self.clock or super().now()


def cohort_of(connection: Connection, arguments: Arguments) -> Cohort:
    """The cohort as it is with all help that reached it so far: its past never changes by what is given later."""
    alone = simulate(**vars(arguments))
    given = connection.execute(
        "SELECT user_id, learning_objective_id, planned_day, planned_day + 1 FROM ml.simulated_help"
    ).fetchall()
    return _helped(alone, rows_within(alone, windows_of(alone, given)))


def bring_to(connection: Connection, moment: datetime) -> None:
    """Have the app's tables hold what the cohort did up to `moment` (aware), with the help that reached it until now.

    Raises:
        AmericanoError: The database holds no simulated cohort.
    """
    arguments = _stored(connection)
    with connection.transaction():
        _give_help(connection, arguments)
        load_since(connection, cohort_of(connection, arguments), now=moment)


def _give_help(connection: Connection, arguments: Arguments) -> None:
    """Have the interventions of nights that were on time reach whom they speak of.

    Help eases what is planned of the objective for the days of the label window, from the first one on that has not
    begun where the app's tables end. A night that was not on time reaches nobody.
    """
    loaded: datetime = connection.execute("SELECT loaded_through FROM ml.demo_load").fetchone()[0]  # type: ignore[index]
    alone = simulate(**vars(arguments))
    told = windows_of(alone, connection.execute(query("helped_now"), {"loaded": loaded}).fetchall())
    first = alone.arguments.first
    rows = rows_within(alone, replace(told, opens=np.maximum(told.opens, _first_to_come(loaded, first))))
    learners, objectives, plan = alone.learner_ids, alone.ids("learning_objectives", np.arange(OBJECTIVES)), alone.plan
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ml.simulated_help VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (
                    learners[plan.learner[row]],
                    objectives[plan.objective[row]],
                    first + timedelta(days=int(plan.day[row])),
                    loaded,
                )
                for row in rows
            ],
        )


def record_truth(connection: Connection, day: date) -> float | None:
    """Write what help truly changed, over the episodes whose first window has closed by the day's cut-off.

    The cohort is lived through twice more, with the same draws of everything: once with help for all drawn episodes,
    once with help for nobody. The difference of the two shares of struggles is the effect in these very episodes, which
    is what a comparison of the arms estimates. It is no estimate: nobody's arm enters it. Help reaches no further than
    it did in the database: what was done before it was given out is not eased, so where it came too late for everybody,
    or was never given, the truth is 0. Days that were written before are written anew by the same two lives.

    Returns:
        The effect; None where no such episode has closed: then nothing is kept of the day.
    """
    alone = simulate(**vars(_stored(connection)))
    first = alone.arguments.first
    drawn = connection.execute(query("drawn_episodes")).fetchall()
    reached = [
        (who, what, max(_day(opens), first + timedelta(days=_first_to_come(given, first))), closes)
        for who, what, opens, closes, has_help, given in drawn
        if has_help and given is not None
    ]
    everybody = _helped(alone, rows_within(alone, windows_of(alone, reached)))
    written = connection.execute("SELECT study_day FROM ml.planted_effects WHERE study_day < %s", [day]).fetchall()
    found: dict[date, tuple[float, float, int]] = {}
    for known in (day, *(row[0] for row in written)):
        by_then = naive(cutoff(known, ZONE))
        closed = windows_of(alone, [row[:4] for row in drawn if row[3] <= by_then])
        if len(closed):
            helped, by_themselves = (float(struggled_within(world, closed).mean()) for world in (everybody, alone))
            found[known] = helped, by_themselves, len(closed)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ml.planted_effects WHERE study_day <= %s", [day])
        cursor.executemany(
            "INSERT INTO ml.planted_effects VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (known, helped - by_themselves, helped, by_themselves, episodes, alone.arguments.help_logits)
                for known, (helped, by_themselves, episodes) in sorted(found.items())
            ],
        )
    return found[day][0] - found[day][1] if day in found else None


def _first_to_come(loaded: datetime, first: date) -> int:
    """The first study day, by number, that has not begun where the app's tables end (UTC): what was done is done."""
    moment = loaded.replace(tzinfo=UTC)
    begun = study_day_of(moment, ZONE)
    return (begun - first).days + (opening(begun, ZONE) < moment)


def _helped(alone: Cohort, rows: Any) -> Cohort:
    return simulate(**vars(alone.arguments), help_given=eased(alone, rows))


def windows_of(cohort: Cohort, rows: Sequence[tuple[Any, ...]]) -> Windows:
    """Windows of (learner id, objective id, opens, closes): study days, or the moments (UTC) at which they open."""
    learners = {name: number for number, name in enumerate(cohort.learner_ids)}
    objectives = {name: number for number, name in enumerate(cohort.ids("learning_objectives", np.arange(OBJECTIVES)))}
    first = cohort.arguments.first
    numbers = [
        (learners[who], objectives[what], *((_day(moment) - first).days for moment in (opens, closes)))
        for who, what, opens, closes in rows
        if who in learners and what in objectives
    ]
    columns = np.array(numbers, np.int64).reshape(-1, 4).T
    return Windows(*columns)


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _stored(connection: Connection) -> Arguments:
    arguments = stored_arguments(connection)
    if arguments is None:
        raise AmericanoError("The database holds no simulated cohort: load one first.")
    return arguments
