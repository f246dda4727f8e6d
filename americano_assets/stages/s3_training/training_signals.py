"""What a night knows of feedback, recall and drift before it trains: of nights before, and of what was said by then."""

from datetime import date

from americano_assets.core.outcomes.drift import alarming
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.core.training.retraining_policy import LEAST_STRUGGLES, Signals
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import drift_of
from americano_assets.stages.s3_training.sql import query


def signals(deployment: Deployment, day: date, last_trained: date) -> Signals:
    """What is known at the cut-off of a study day.

    Args:
        deployment: The deployment.
        day: The study day; drift and recall are those of the newest night before it.
        last_trained: The study day of the last training: feedback since then is new.
    """
    moments = {"before": deployment.moment(last_trained).at, "now": deployment.moment(day).at}
    since, until = map(naive, moments.values())
    opened = {f"opened_{name}": study_day_of(at, deployment.zone) for name, at in moments.items()}
    with deployment.connect() as connection:
        feedback = connection.execute(query("new_words"), {"since": since, "until": until, **opened}).fetchone()
        matured = connection.execute(query("matured_recall"), {"day": day}).fetchone()
        measured = connection.execute("SELECT max(study_day) FROM ml.drift WHERE study_day < %s", [day]).fetchone()
        found = drift_of(connection, measured[0]) if measured and measured[0] else []
    recall, struggles = matured or (None, None)
    enough = recall is not None and struggles is not None and struggles >= LEAST_STRUGGLES
    return Signals(feedback[0] if feedback else 0, recall if enough else None, frozenset(alarming(found)))
