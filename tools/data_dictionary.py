"""`docs/data-dictionary.md`, written from the assets: `python -m tools.data_dictionary > docs/data-dictionary.md`."""

from collections.abc import Iterator

import dagster as dg

from americano_assets.definitions import stages
from americano_assets.settings import Settings

_HEADER = """\
# Data dictionary

Every column that the assets write: what Dagster's UI shows in an asset's tab Columns. Where a step writes several
tables, they are named `table.column`. Types are those of the store: Arrow's in Parquet, PostgreSQL's, DuckDB's in the
researchers' file. The exact definitions of features and labels are in [features.md](features.md), and the app's tables
in [app-tables.md](app-tables.md).

Written by `python -m tools.data_dictionary > docs/data-dictionary.md`.
"""


def data_dictionary() -> str:
    """The text: a heading a group, below it one an asset with a table of its columns."""
    parts = [_HEADER]
    for group, stage in stages(Settings(_env_file=None)).items():  # type: ignore[call-arg]
        specs = [spec for spec in _specs(stage) if "dagster/column_schema" in spec.metadata]
        parts.append(f"\n## {group}\n")
        parts += ["\n".join(_asset(spec)) for spec in specs]
        if not specs:
            parts.append("No table.\n")
    return "".join(parts)


def _specs(stage: object) -> Iterator[dg.AssetSpec]:
    for one in stage:  # type: ignore[attr-defined]
        yield from one.specs if isinstance(one, dg.AssetsDefinition) else (one,)


def _asset(spec: dg.AssetSpec) -> Iterator[str]:
    schema = spec.metadata["dagster/column_schema"]
    yield f"\n### {spec.key.to_user_string()}\n"
    yield (spec.description or "").split("\n")[0] + "\n"
    yield "| column | type | null | meaning |\n| --- | --- | --- | --- |"
    for column in schema.columns:
        rules = "".join(f" ({rule})" for rule in column.constraints.other if rule.startswith("one of"))
        null = "yes" if column.constraints.nullable else ""
        yield f"| `{column.name}` | `{column.type}` | {null} | {column.description}{rules} |"
    yield ""


if __name__ == "__main__":
    print(data_dictionary(), end="")
