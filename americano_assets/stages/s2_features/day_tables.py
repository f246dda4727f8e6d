"""The features and labels of a deployment's study day, from the inputs that speak for it."""

from datetime import date

from americano_assets.resources.parquet_store.store import hash_values
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import current_inputs, inputs_of_day
from americano_assets.stages.s2_features.night_results import NightResults
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables


def day_tables(deployment: Deployment, day: date, *, latest: bool = False) -> PointInTimeTables:
    """Features and labels from the inputs recorded for `day` (recorded now, where there are none).

    What the day was made from then is taken again, where it is recorded.
    For a day that is still open it is what is current, and nothing is recorded: its closing decides.

    Args:
        deployment: The deployment.
        day: The study day.
        latest: Record what is current in the place of what was recorded.
    """
    if not deployment.is_closed(day):
        return latest_tables(deployment, day)
    inputs = inputs_of_day(deployment.store, day, deployment.first_day, latest=latest)
    made_from = hash_values(inputs.content, str(deployment.zone), vars(deployment.target))
    results = NightResults(deployment.store, day, made_from, anew=latest)
    return PointInTimeTables(deployment.store, inputs, deployment.zone, deployment.target, deployment.now(), results)


def latest_tables(deployment: Deployment, day: date) -> PointInTimeTables:
    """Features and labels from what is current now: outcomes always read the latest."""
    inputs = current_inputs(deployment, day)
    return PointInTimeTables(deployment.store, inputs, deployment.zone, deployment.target, deployment.now())
