"""Tables with what their columns mean, whatever declares them: a Pandera model, the app's contract, or a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandera.pandas as pa

from americano_assets.contract.declaration import SqlType, Table
from americano_assets.stages.common.dictionary.words import words

# A column's metadata name its stored type where its Pandera type does not say it.
STORED_TYPE = "stored_type"
# Pandera's names of types, and what Arrow stores. A column without a type holds text.
_STORED = {
    "None": "string",
    "float64": "double",
    "bool": "bool",
    "int32": "int32",
    "datetime64[ns]": "timestamp[us]",  # as Pandera names any unit
}


@dataclass(frozen=True)
class DescribedColumn:
    """One column of a stored table.

    Attributes:
        name: As stored.
        type: As its store names it: Arrow, PostgreSQL or DuckDB.
        description: What it means, with its unit.
        nullable: It may be null.
        rules: What each value keeps beside, a few words each.
    """

    name: str
    type: str
    description: str
    nullable: bool = True
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class DescribedTable:
    """A stored table: its name in its store, and its columns."""

    name: str
    columns: tuple[DescribedColumn, ...]

    def types(self) -> dict[str, str]:
        """Type of each column by name, in order."""
        return {column.name: column.type for column in self.columns}


def of_model(model: pa.DataFrameSchema) -> DescribedTable:
    """The table of a Pandera model."""
    return DescribedTable(
        str(model.name),
        tuple(
            DescribedColumn(
                str(name),
                (column.metadata or {}).get(STORED_TYPE) or _STORED[str(column.dtype)],
                str(column.description),
                column.nullable,
                tuple(_rule(check) for check in column.checks),
            )
            for name, column in model.columns.items()
        ),
    )


def of_contract(table: Table) -> DescribedTable:
    """A table of the app's that the pipeline writes."""
    return DescribedTable(
        table.name,
        tuple(
            DescribedColumn(
                column.name,
                column.type.value if isinstance(column.type, SqlType) else column.type.__name__,
                column.description,
                column.nullable,
                () if isinstance(column.type, SqlType) else (_labels(column.type),),
            )
            for column in table.columns
        ),
    )


def listed(table: str, types: Mapping[str, str]) -> DescribedTable:
    """A table that is declared by its columns' types alone."""
    return DescribedTable(table, tuple(DescribedColumn(name, kind, words(table, name)) for name, kind in types.items()))


def _rule(check: pa.Check) -> str:
    statistics = check.statistics or {}
    if "allowed_values" in statistics:
        return _labels(statistics["allowed_values"])
    return str(check.error or check.name)


def _labels(labels: Iterable[StrEnum | str]) -> str:
    return f"one of {', '.join(map(str, labels))}"
