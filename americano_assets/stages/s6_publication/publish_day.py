"""The publish step of a study day: check once more, then write everything in one transaction."""

from collections.abc import Iterator
from datetime import date

import pandas as pd

from americano_assets.core.publication.random_assignment import is_on_time
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s4_predictions.scored_predictions import (
    TABLE,
    batches_of_day,
    problems_of_day,
)
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.transaction import Published, publish_day

# Lists cost more to read than all the rest, and advice has told what they say.
_SHOWN = [name for name in SCORED_PREDICTIONS.columns if name != "unmastered_prerequisites"]


def publish(deployment: Deployment, day: date, kind: str) -> Published:
    """Publish a closed study day.

    Args:
        deployment: The deployment.
        day: The study day.
        kind: `nightly` or `replay`; a replay is never on time.

    Raises:
        AmericanoError: The day is still open, or its rows must not be published; then nothing was written.
    """
    now = deployment.now()
    at = cutoff(day, deployment.zone)
    if now < at:
        raise AmericanoError(
            f"Study day {day} is still open until {at:%Y-%m-%d %H:%M} UTC: only closed days are published."
        )
    model = model_of_day(deployment.store, deployment.models, day)
    found, _ = problems_of_day(deployment, day, model)
    if found:
        raise AmericanoError(f"Study day {day} is not published: {'; '.join(found)}. Last night's rows stay in place.")
    study_day = StudyDay(
        day=day,
        moment=deployment.moment(day),
        model=model,
        manifest_hash=day_tables(deployment, day).inputs.content,
        kind=kind,
        on_time=is_on_time(replayed=kind == "replay", cutoff=at, published_at=now),
        policy=deployment.settings.experiment,
    )
    with deployment.connect() as connection:
        return publish_day(
            connection,
            study_day,
            _frames(deployment, TABLE, day, _SHOWN),
            _frames(deployment, "indicators", day),
            _frames(deployment, "interventions", day),
        )


def _frames(deployment: Deployment, table: str, day: date, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    for batch in batches_of_day(deployment, table, day, columns):
        yield batch.to_pandas()
