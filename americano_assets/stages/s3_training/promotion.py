"""What a person may do about models: see them, promote one, roll back, hand the choice back to the gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.core.training.champion_history import (
    AUTO,
    GATE,
    PASSED_OVER,
    PROMOTED,
    REFUSED,
    RELEASED,
    ROLLED_BACK,
    ModelEvent,
    former,
    held,
)
from americano_assets.errors import AmericanoError
from americano_assets.resources.mlflow.session import TrackingError
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.s3_training.champion import fitting, scoring_next
from americano_assets.stages.s3_training.model_events import decisions_about, model_events, record_event

SHOWN_DIGITS = 8
CHAMPION = "champion"


@dataclass(frozen=True)
class Choice:
    """A decision that was kept.

    Attributes:
        event: The decision.
        notice: What could not be done beside it, or empty.
    """

    event: ModelEvent
    notice: str


@dataclass(frozen=True)
class ModelRow:
    """A model as it is listed.

    Attributes:
        kept: Its row of ml.model_versions.
        days: Published study days that it scored, the first and the last of them (None, None where there is none).
        state: champion, former (it scored nights), or of one that never scored what the gate last said: refused, or
            passed over for one that a person had set; unused where it said neither.
    """

    kept: dict[str, Any]
    days: tuple[int, date | None, date | None]
    state: str

    @property
    def figures(self) -> dict[str, float | None]:
        """Its figures on the learners held out from its own training."""
        found: dict[str, float | None] = self.kept["metrics"]["figures"].get(self.kept["model_type"], {})
        # An earlier version kept them whatever the rows.
        if (found.get("n") or 0) < LEAST_ROWS:
            found = {"n": found.get("n")}
        return found


def models(deployment: Deployment) -> list[ModelRow]:
    """Every model that was kept, newest first."""
    with deployment.connect() as connection:
        kept = _rows(connection, "SELECT * FROM ml.model_versions ORDER BY study_day DESC, created_at DESC, model_type")
        scored = _rows(
            connection,
            "SELECT model_version, count(*)::int AS n, min(study_day) AS first, max(study_day) AS last "
            "FROM ml.study_days GROUP BY model_version",
        )
        said = {event.model_version: event.event for event in model_events(connection) if event.decided_by == GATE}
    champion = _scoring_next(deployment)
    days = {row["model_version"]: (row["n"], row["first"], row["last"]) for row in scored}
    found = []
    for row in kept:
        version = row["model_version"]
        found.append(ModelRow(row, days.get(version, (0, None, None)), _state(version, champion, days, said)))
    return found


def _state(version: str, champion: str | None, scored: Mapping[str, Any], said: Mapping[str, str]) -> str:
    if version == champion:
        return CHAMPION
    if version in scored:
        return "former"
    event = said.get(version)
    return event.replace("_", " ") if event in (REFUSED, PASSED_OVER) else "unused"


def find_model(deployment: Deployment, version: str) -> ModelRow:
    """The model whose version begins so.

    Raises:
        AmericanoError: None or several.
    """
    listed = models(deployment)
    found = [one for one in listed if version and one.kept["model_version"].startswith(version)]
    if len(found) != 1:
        many = f"{len(found)} model versions begin" if found else "No model version begins"
        raise AmericanoError(f"{many} with «{version}»: `americano model list` shows all {len(listed)}.")
    return found[0]


def find_champion(deployment: Deployment) -> ModelRow:
    """The model that scores the next night, as things stand.

    Raises:
        AmericanoError: None was trained yet.
    """
    for one in models(deployment):
        if one.state == CHAMPION:
            return one
    raise AmericanoError("No model scores yet: `americano nightly` trains one.")


def decisions(deployment: Deployment, version: str) -> list[tuple[datetime, ModelEvent]]:
    """When and what was decided about a version; oldest first."""
    with deployment.connect() as connection:
        return decisions_about(connection, version)


def promote(deployment: Deployment, version: str, by: str, reason: str, *, force: bool) -> Choice:
    """Have a model score from the next study day on, until it is released.

    Args:
        deployment: The deployment; MODEL_TYPE must be `auto`.
        version: The model's whole version.
        by: Who decides.
        reason: Why.
        force: Also where the gate refuses.

    Raises:
        AmericanoError: The model cannot score, or the gate refuses and `force` is not set; nothing was changed.
    """
    _require_person(deployment, by, reason)
    model = fitting(deployment, version)
    now = _scoring_next(deployment)
    if now == version:
        raise AmericanoError(f"Model {version[:SHOWN_DIGITS]} is the champion already.")
    verdict = _ask_gate(deployment, model, now)
    if verdict and not force:
        raise AmericanoError(
            f"The gate refuses model {version[:SHOWN_DIGITS]}: {verdict}. With --force and a --reason it scores "
            "nevertheless, and both are kept."
        )
    return _keep(deployment, PROMOTED, model, now, by, reason, forced=bool(verdict))


def rollback(deployment: Deployment, by: str, reason: str) -> Choice:
    """Have the champion before this one score again from the next study day on, until it is released.

    Raises:
        AmericanoError: There was none, or it cannot score today's rows; nothing was changed.
    """
    _require_person(deployment, by, reason)
    now = _scoring_next(deployment)
    if now is None:
        raise AmericanoError("No night has scored anything yet: there is nothing to roll back.")
    with deployment.connect() as connection:
        scored = connection.execute("SELECT model_version FROM ml.study_days ORDER BY study_day DESC").fetchall()
        version = former(now, [row[0] for row in scored], model_events(connection))
    if version is None:
        raise AmericanoError(
            f"Model {now[:SHOWN_DIGITS]} is the first that ever scored: there is none to return to. "
            "`americano model promote` names another."
        )
    return _keep(deployment, ROLLED_BACK, fitting(deployment, version), now, by, reason)


def release(deployment: Deployment, by: str, reason: str) -> Choice:
    """Let the gate decide again from the next study day on; the champion stays until a challenger beats it.

    Raises:
        AmericanoError: No person's decision is in force; nothing was changed.
    """
    _require_person(deployment, by, reason)
    day = _next_day(deployment)
    with deployment.connect() as connection:
        hold = held(model_events(connection), day)
    if hold is None:
        raise AmericanoError("The gate decides already: no model was set by hand.")
    return _keep(deployment, RELEASED, deployment.models.load(hold.model_version), hold.model_version, by, reason)


def _require_person(deployment: Deployment, by: str, reason: str) -> None:
    if deployment.settings.model_type != AUTO:
        raise AmericanoError(
            f"MODEL_TYPE={deployment.settings.model_type} decides which model scores: set it to auto, then choose."
        )
    if not by.strip() or not reason.strip():
        raise AmericanoError("Who decides, and why? Both are kept: name them with --by and --reason.")
    with deployment.connect() as connection:
        # Rows of ml.model_events are never removed, and a learner has the right to be.
        named = connection.execute(
            'SELECT count(*) FROM users WHERE "id" <> \'\' AND position("id" in %s) > 0', [f"{by} {reason}"]
        ).fetchone()
    if named and named[0]:
        raise AmericanoError("The reason names a learner by id: it is kept for ever, so leave the id out.")


def _ask_gate(deployment: Deployment, model: StoredModel, now: str | None) -> str:
    """Why the gate refuses a model today, on the newest training set's held-out learners; empty if it does not."""
    # scikit-learn takes a second to import, and `model list` needs none of it.
    from americano_assets.core.training.fit import RULES, fit_models
    from americano_assets.core.training.promotion_gate import decide
    from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET

    rows = deployment.store.read_day(TRAINING_SET, _next_day(deployment) - timedelta(days=1))
    if rows is None or not rows.num_rows:
        return "there are no training rows to judge it on"
    frame: pd.DataFrame = rows.to_pandas()
    parts = {name: frame[frame["split"] == name] for name in ("train", "calibration", "test")}
    if parts["test"].empty:
        return "there are no held-out rows to judge it on"
    rules = fit_models(parts["train"], parts["calibration"], [RULES])[RULES]
    try:
        champion = None if now is None else fitting(deployment, now).scorer
    except AmericanoError:
        champion = None
    verdict = decide(model.scorer, rules, champion, parts["test"])
    return "" if verdict.promoted else verdict.why


def _keep(
    deployment: Deployment,
    event: str,
    model: StoredModel,
    now: str | None,
    by: str,
    reason: str,
    *,
    forced: bool = False,
) -> Choice:
    # A model knows what was known at its own cut-off: an earlier day would see its future.
    day = max(_next_day(deployment), model.study_day)
    decided = ModelEvent(day, event, model.version, now, by.strip(), by_hand=True, forced=forced, reason=reason.strip())
    with deployment.connect() as connection:
        record_event(connection, decided, naive(deployment.now()))
        row = connection.execute(
            "SELECT registry_version FROM ml.model_versions WHERE model_version = %s", [model.version]
        ).fetchone()
    if event == RELEASED:
        return Choice(decided, "")
    if row is None or row[0] is None:
        return Choice(decided, "MLflow does not know this model: its alias champion stays where it is.")
    try:
        deployment.tracking.set_champion(row[0], day)
    except TrackingError as error:
        return Choice(decided, f"{error} Its alias champion stays where it is; the nights do not look at it.")
    return Choice(decided, "")


def _next_day(deployment: Deployment) -> date:
    """The first study day whose model is not decided yet."""
    last = deployment.store.last_day_with("model") or last_closed(deployment.now(), deployment.zone)
    return last + timedelta(days=1)


def _scoring_next(deployment: Deployment) -> str | None:
    return scoring_next(deployment, _next_day(deployment))


def _rows(connection: psycopg.Connection[Any], statement: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode()).fetchall()
