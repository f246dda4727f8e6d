"""What every asset says the same way: owners, kinds, tables in metadata, the day's inputs."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import dagster as dg
import pandas as pd
from pandera.pandas import DataFrameSchema

from americano_assets.core.base.escaping import markdown
from americano_assets.core.base.validation import Checked, RulesBrokenError
from americano_assets.errors import AmericanoError, DatabaseLostError
from americano_assets.resources.parquet_store.object_store import StoreAwayError
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.postgres.urls import RETRY_SECONDS as RETRY_SECONDS
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import DescribedTable
from americano_assets.stages.common.resources import Part, joined

OWNERS = ["team:learning-data"]
# As Dagster itself marks the data version of what a run materializes.
DATA_VERSION_TAG, DATA_VERSION_IS_OURS_TAG = "dagster/data_version", "dagster/data_version_is_user_provided"
LATEST_INPUTS_TAG = "americano/latest_inputs"
KIND_TAG = "americano/run_kind"
# Run tag with the id of the app's analysis_runs row that a training is made for.
ANALYSIS_RUN_TAG = "americano/analysis_run_id"
REPLAY = "replay"
NIGHTLY = "nightly"
# The assets that hold a study day of the log, as it was recorded and as it was graded; and the night's reading of both.
LOG, GRADED, NIGHT_LOG = "log_snapshots", "interactions", "night_log"
# What every asset returns: rows are in files and tables, so the result itself carries metadata and a version only.
if TYPE_CHECKING:
    Result = dg.MaterializeResult[Any]
else:
    Result = dg.MaterializeResult  # Of a step with checks Dagster knows it by the bare class alone.
Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext
Step = TypeVar("Step", bound=Callable[..., Any])


def app_key(table: str) -> dg.AssetKey:
    """Asset key of one of the app's tables."""
    return dg.AssetKey(["app", table])


def ml_key(table: str) -> dg.AssetKey:
    """Asset key of one of our own tables in schema ml."""
    return dg.AssetKey(["ml", table])


def columns_of(*tables: DescribedTable, beside: Sequence[DescribedTable] = ()) -> dict[str, dg.TableSchema]:
    """Metadata of an asset that writes tables: their columns, as Dagster's UI lists them without any run.

    Args:
        tables: The asset's own. The columns of several are named `table.column`.
        beside: Further tables that its step writes, always named so.
    """
    named = [(f"{one.name}." if len(tables) > 1 else "", one) for one in tables]
    named += [(f"{one.name}.", one) for one in beside]
    columns = [
        dg.TableColumn(
            f"{prefix}{column.name}",
            column.type,
            column.description,
            dg.TableColumnConstraints(nullable=column.nullable, other=list(column.rules)),
        )
        for prefix, one in named
        for column in one.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def lineage_of(sources: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, dg.TableColumnLineage]:
    """Metadata of a materialization: from which columns of which asset each column comes.

    Dagster's UI draws it from materializations alone.

    Args:
        sources: Columns of an asset by the column that is made of them, by asset.
    """
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for asset, columns in sources.items():
        for column, read in columns.items():
            deps.setdefault(column, []).extend(dg.TableColumnDep(dg.AssetKey(asset), one) for one in read)
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


def wants_latest(context: dg.AssetExecutionContext) -> bool:
    """Whether this run was told to forget the recorded manifest and take what is current now."""
    return context.run.tags.get(LATEST_INPUTS_TAG) == "true"


@contextmanager
def retried(context: Context, deployment: Deployment) -> Iterator[None]:
    """Have Dagster try the step again, later each time, where database or object store went away, and for nothing else.

    Bad rows, a full disk or a defect are the same at the second try; they fail the step at once. While the step works
    `forget` and `prune` begin nothing, and it waits for the one that had begun.
    """
    try:
        with store_files(deployment.settings).together():
            yield
    except (DatabaseLostError, StoreAwayError) as error:
        op = context if isinstance(context, dg.OpExecutionContext) else context.op_execution_context
        if op.retry_number >= len(RETRY_SECONDS):
            raise
        wait = RETRY_SECONDS[op.retry_number]
        raise dg.RetryRequested(max_retries=len(RETRY_SECONDS), seconds_to_wait=wait) from error


def retrying(step: Step) -> Step:
    """A whole step that is tried again as `retried` says; not for one that yields."""

    @wraps(step)
    def trying(context: Context, **resources: Part) -> Any:
        with retried(context, joined(*resources.values())):
            return step(context, **resources)

    return cast(Step, trying)


def checks_of(asset: str, *models: DataFrameSchema) -> list[dg.AssetCheckSpec]:
    """A check a Pandera model that the asset's step goes through: the step itself says what it found."""
    return [
        dg.AssetCheckSpec(
            f"{model.name}_keeps_its_rules",
            asset=asset,
            description=f"Rows of {model.name} keep every rule of their Pandera model: how many were looked at, and "
            "how many break which rule.",
        )
        for model in models
    ]


def told_checks(found: Iterable[Checked], *, stopped: bool = False) -> list[dg.AssetCheckResult]:
    """Results of `checks_of`: bad rows warn where the step goes on without them, and are an error where it stops."""
    severity = dg.AssetCheckSeverity.ERROR if stopped else dg.AssetCheckSeverity.WARN
    return [
        dg.AssetCheckResult(
            check_name=f"{one.table}_keeps_its_rules", passed=not one.bad, severity=severity, metadata=counts_of(one)
        )
        for one in found
    ]


def counts_of(found: Checked) -> dict[str, dg.MarkdownMetadataValue | int]:
    """What the rules of a table found, as metadata."""
    return {
        "rows_checked": found.rows,
        "rows_broken": found.bad,
        "rules_broken": markdown_table({"rule": rule, "rows": n} for rule, n in found.rules.items()),
    }


def telling_checks(step: Step) -> Step:
    """A step that, where rows that break their rules stop it, first has its check say so. It need not yield itself."""

    @wraps(step)
    def telling(context: Context, *given: Any, **named: Any) -> Iterator[Any]:
        try:
            yield step(context, *given, **named)
        except (RulesBrokenError, AmericanoError) as error:
            found = getattr(error, "checked", None)
            if isinstance(found, Checked):
                yield from told_checks([found], stopped=True)
            raise

    return cast(Step, telling)


def tell_day(context: dg.AssetExecutionContext, asset: str, day: date, content: str, rows: int) -> None:
    """Tell Dagster what a study day of another asset holds now that this step has read it anew.

    A day with other rows than before gets a new data version by it, so that everything downstream of it is shown as
    out of date.
    """
    context.log_event(
        dg.AssetMaterialization(
            asset,
            partition=day.isoformat(),
            metadata={"dagster/row_count": rows, "read_by": f"the night of {context.partition_key}"},
            tags={DATA_VERSION_TAG: content, DATA_VERSION_IS_OURS_TAG: "true"},
        )
    )


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Rows as a table that Dagster's UI renders; empty rows say so."""
    listed = list(rows)
    if not listed:
        return dg.MetadataValue.md("*no rows*")
    names = list(listed[0])
    lines = ["| " + " | ".join(map(markdown, names)) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in listed]
    return dg.MetadataValue.md("\n".join(lines))


def numbers(values: Mapping[str, float | int | None]) -> dict[str, float | int | str]:
    """Metadata that Dagster accepts: plain numbers, and «not enough data» where there is none."""
    return {
        name: "not enough data" if value is None else int(value) if float(value).is_integer() else float(value)
        for name, value in values.items()
    }


def share(part: pd.Series) -> float:
    """Share of true values, 0 for no rows."""
    return float(part.mean()) if len(part) else 0.0


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "—" if value is None else markdown(str(value))


def picture(image: bytes, alternative: str) -> dg.MarkdownMetadataValue:
    """A PNG as Dagster's UI shows it inline."""
    return dg.MetadataValue.md(f"![{alternative}](data:image/png;base64,{base64.b64encode(image).decode()})")
