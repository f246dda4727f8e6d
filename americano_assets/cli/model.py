"""Commands about models: `model list`, `show`, `promote`, `rollback`, `release`."""

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from americano_assets.cli.display.terminal import Table, echo, say
from americano_assets.installation import COMMAND

if TYPE_CHECKING:
    from americano_assets.core.training.champion_history import ModelEvent
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.s3_training.promotion import Choice, ModelRow

model = typer.Typer(no_args_is_help=True, help="Models: which scores, why, and setting another by hand.")
_VERSION = Annotated[str, typer.Argument(help="A model's version, or how it begins.")]
_REASON = Annotated[str, typer.Option(help="Why: kept for ever, and told with every night that follows.")]
_BY = Annotated[str | None, typer.Option(help="Who decides; without it the name you are logged in with.")]
_FIGURES = ("log_loss", "auc_roc", "accuracy", "recall", "ece")


@model.command("list")
def list_(
    most: Annotated[int, typer.Option("--last", min=1, help="Only so many, the newest.")] = 20,
) -> None:
    """Show the models that were kept, newest first, with their figures on learners that they never saw."""
    from rich.table import Column

    from americano_assets.stages.s3_training.promotion import SHOWN_DIGITS, models

    found = models(_deployment(claims=False))
    if not found:
        echo("No model was trained yet: `americano nightly` trains one.")
        return
    table = Table(
        Column("version", no_wrap=True),
        "type",
        *(Column(name, no_wrap=True) for name in ("trained", "loss", "AUC", "ECE")),
        Column("rows", justify="right", no_wrap=True),
        Column("state", no_wrap=True),
        Column("days", justify="right", no_wrap=True),
    )
    for one in found[:most]:
        kept, values = one.kept, one.figures
        figures = [_figure(values.get(name)) for name in ("log_loss", "auc_roc", "ece")]
        name, day = kept["model_type"].replace("_", " "), str(kept["study_day"])
        style = "bold" if one.state == "champion" else None
        version, nights = kept["model_version"][:SHOWN_DIGITS], str(one.days[0] or "—")
        table.add(version, name, day, *figures, f"{values.get('n') or 0:,.0f}", one.state, nights, style=style)
    table.show()
    say(
        "loss, AUC and ECE: of so many held-out rows of a model's own training, where other models had others, and on"
        f" few rows much by chance: {COMMAND} evaluate compares them on the same, with intervals. State: refused by the"
        " gate, or passed over for one that a person had set; days: nights that it scored."
    )
    if len(found) > most:
        echo(f"The newest {most} of {len(found)}: --last shows more.")


@model.command()
def show(
    version: Annotated[
        str | None, typer.Argument(help="A model's version, or how it begins. Unset: of the one that scores.")
    ] = None,
) -> None:
    """Show a model: what it was trained on, its figures, where it is in MLflow, and what was decided about it."""
    from americano_assets.stages.s3_training.promotion import decisions, find_champion, find_model

    deployment = _deployment(claims=False)
    found = find_champion(deployment) if version is None else find_model(deployment, version)
    if version is None:
        say("The model that scores the next night:\n")
    kept, values = found.kept, found.figures
    told = decisions(deployment, kept["model_version"])
    facts = Table()
    for name, value in (
        ("version", kept["model_version"]),
        ("type", kept["model_type"].replace("_", " ")),
        ("state", f"{found.state}; scored {_scored(found)}"),
        ("trained for", kept["study_day"]),
        ("foresees", f"a mean score below {kept['struggle_below']} within {kept['horizon_days']} study days"),
        ("threshold", f"{kept['threshold']:.3f}"),
        ("data set", kept["dataset_version"]),
        ("MLflow run", kept["mlflow_run_id"] or "none: MLflow could not be reached, or there was nothing to log"),
        ("held-out rows", f"{values.get('n') or 0:,.0f} of {_learners(found)}, never seen in training"),
        *((name.replace("_", " "), _figure(values.get(name))) for name in _FIGURES),
    ):
        facts.add(name, str(value))
    facts.show()
    for when, event in told:
        say(f"\n{when:%Y-%m-%d %H:%M}  {_told(event, kept['model_version'])}")


@model.command()
def promote(
    version: _VERSION,
    reason: _REASON,
    by: _BY = None,
    force: Annotated[bool, typer.Option("--force", help="Also where the gate refuses it.")] = False,
) -> None:
    """Have a model score from the next night on. It stays until it is released, whatever the gate says of others."""
    from americano_assets.stages.s3_training.promotion import find_model
    from americano_assets.stages.s3_training.promotion import promote as decide

    deployment = _deployment()
    chosen = find_model(deployment, version).kept["model_version"]
    _tell(decide(deployment, chosen, by or getpass.getuser(), reason, force=force))


@model.command()
def rollback(reason: _REASON, by: _BY = None) -> None:
    """Have the champion before this one score again from the next night on, until it is released."""
    from americano_assets.stages.s3_training.promotion import rollback as decide

    _tell(decide(_deployment(), by or getpass.getuser(), reason))


@model.command()
def release(reason: _REASON, by: _BY = None) -> None:
    """Let the gate decide again: the champion stays until a challenger beats it."""
    from americano_assets.stages.s3_training.promotion import release as decide

    _tell(decide(_deployment(), by or getpass.getuser(), reason))


def _deployment(*, claims: bool = True) -> "Deployment":
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.deployment import Deployment

    return Deployment(load_settings(), claims=claims)


def _tell(choice: "Choice") -> None:
    from americano_assets.core.training.champion_history import RELEASED
    from americano_assets.stages.s3_training.promotion import SHOWN_DIGITS

    event = choice.event
    name = event.model_version[:SHOWN_DIGITS]
    if event.event == RELEASED:
        echo(f"From study day {event.study_day} on the gate decides again; {name} stays until one beats it.")
    else:
        instead = f" instead of {event.instead_of[:SHOWN_DIGITS]}" if event.instead_of else ""
        forced = " The gate refused it: that is kept too." if event.forced else ""
        echo(f"Model {name} scores from study day {event.study_day} on{instead}, until it is released.{forced}")
    if choice.notice:
        echo(choice.notice, err=True)


def _learners(row: "ModelRow") -> str:
    learners = row.kept["metrics"].get("rows", {}).get("test_learners")
    return "learners" if learners is None else f"{learners:,.0f} learners"


def _scored(row: "ModelRow") -> str:
    number, first, last = row.days
    if not number:
        return "no night"
    return f"{number} {'night' if number == 1 else 'nights'}, {first}" + (f" to {last}" if last != first else "")


def _told(event: "ModelEvent", version: str) -> str:
    from americano_assets.stages.s3_training.promotion import SHOWN_DIGITS

    verb = event.event.replace("_", " ")
    if event.model_version != version:
        verb = f"{event.model_version[:SHOWN_DIGITS]} {verb} instead"
    forced = " (forced)" if event.forced else ""
    return f"{verb}{forced} by {event.decided_by}, from study day {event.study_day} on: {event.reason}"


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"
