"""Why a run failed, in one sentence, from what Dagster has recorded of it."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import full_disk

_INTERRUPTS = {KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__}
_FULL_DISK = "a disk is full; `americano dev` shows which."
_BEFORE_ANY_STEP = "the run failed before its first step; Dagster's UI shows why"


def was_interrupted(events: Iterable[dg.DagsterEvent]) -> bool:
    """Whether Ctrl-C ended the run: Dagster makes a failure of it, as if something were wrong with the step."""
    listed = list(events)
    failures = [event.step_failure_data.error for event in listed if event.is_step_failure]
    failures += [event.job_failure_data.error for event in listed if event.is_job_failure]
    return any(link.cls_name in _INTERRUPTS for error in failures for link in _chain(error))


def why_failed(events: Iterable[dg.DagsterEvent], *, quote: bool = True) -> str:
    """The step or check that ended a run, and the reason.

    Args:
        events: The run's events, in order.
        quote: Whether the words of an error that nobody foresaw may be repeated: they can hold a value from a row.
    """
    failed_checks = []
    before_any = _BEFORE_ANY_STEP
    for event in events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            return f"step {event.step_key} failed: {_reason(event.step_failure_data.error, quote)}"
        if event.event_type_value == dg.DagsterEventType.ASSET_CHECK_EVALUATION.value:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
                failed_checks.append(evaluation)
        if event.is_job_failure and any(full_disk(link.message) for link in _chain(event.job_failure_data.error)):
            before_any = _FULL_DISK
    if failed_checks:
        problems = failed_checks[0].metadata.get("problems")
        why = f" ({problems.value})" if problems is not None else ""
        return f"the check {failed_checks[0].check_name} failed{why}, so nothing was published"
    return before_any


def _reason(error: Any, quote: bool) -> str:  # Dagster exports no name for it
    """The sentence of the outermost error that is meant to be read; else the innermost error with its class."""
    expected = {dg.Failure.__name__, *_family(AmericanoError)}
    message, name, full = "", "", None
    for link in _chain(error):
        message, name = " ".join(link.message.split()), link.cls_name
        if name in expected:
            return message.partition(": ")[2]
        full = full or full_disk(link.message)
    if full is not None:
        return full if quote else _FULL_DISK
    said = message if quote else name
    return f"{said}. This was not foreseen: `americano dev` shows the run with its traceback."


def _chain(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.cause


def _family(error: type[Exception]) -> set[str]:
    return {error.__name__}.union(*(_family(heir) for heir in error.__subclasses__()))
