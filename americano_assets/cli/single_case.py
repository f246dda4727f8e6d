"""The command `single-case`: what the phases of one learner's experiment say."""

from typing import TYPE_CHECKING, Annotated

import typer

from americano_assets.cli.display.terminal import echo

if TYPE_CHECKING:
    from americano_assets.core.effects.single_case import SingleCase

commands = typer.Typer()


@commands.command("single-case", rich_help_panel="Evaluation")
def single_case(
    user: Annotated[str, typer.Argument(help="The id of the learner's account.")],
    analysis_run: Annotated[
        str | None, typer.Option(help="Id of a row of the app's analysis_runs to link with the MLflow run.")
    ] = None,
) -> None:
    """Compare the baseline and intervention phases (ABAB) of one learner by a randomization test."""
    from americano_assets.core.effects.single_case import DRAWN_WAYS
    from americano_assets.settings import load_settings
    from americano_assets.stages.common.deployment import Deployment
    from americano_assets.stages.s8_reduction.single_case import analyse

    found = analyse(Deployment(load_settings()), user, analysis_run=analysis_run)
    phases = ", ".join(f"{kind} {length}" for kind, length in found.struggle.phases) or "none"
    echo(f"Study days with a phase and enough graded work: {len(found.occasions)} ({phases}).")
    left_out = [
        f"{found.idle_days} with too little graded work" if found.idle_days else "",
        f"{found.mixed_days} with phases of both kinds" if found.mixed_days else "",
        *(f"{days} labelled «{label}», which is neither" for label, days in sorted(found.unknown_labels.items())),
    ]
    if any(left_out):
        echo(f"Left out: {', '.join(filter(None, left_out))}.")
    if found.struggle.reason is not None:
        echo(found.struggle.reason)
    else:
        echo(f"Struggles, share of the day's objectives: {_told(found.struggle)}")
        echo(f"Mean score of the day's objectives: {_told(found.score)}")
        echo(
            "p is the share of ways to draw the phases' beginnings whose difference is at least as far from 0 "
            f"({found.struggle.ways:,} ways{'' if found.struggle.exact else f', {DRAWN_WAYS:,} of them drawn'}). "
            "It means nothing if the beginnings were chosen by how the learner did."
        )
    linked = f", linked with analysis run {analysis_run}" if analysis_run else ""
    echo(f"MLflow run {found.mlflow_run}{linked}.")


def _told(test: "SingleCase") -> str:
    return (
        f"baseline {test.mean_baseline:.3f}, intervention {test.mean_intervention:.3f}, "
        f"difference {test.estimate:+.3f}, p = {test.p_two_sided:.4f}."
    )
