"""Splits rows by whether they keep the rules of their table, and says in words which rule was broken how often."""

from dataclasses import dataclass

import pandas as pd
import pandera.errors
import pandera.pandas as pa

EXAMPLES = 3


@dataclass(frozen=True)
class Violation:
    """A rule that rows broke: where, which, how many rows, and up to three of the values."""

    table: str
    column: str
    rule: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        return f"{self.table}.{self.column}: {self.count} rows break «{self.rule}» (e.g. {shown})"


@dataclass(frozen=True)
class Split:
    """Rows that keep every rule, rows that break one (with a column `reason`), and the rules broken."""

    good: pd.DataFrame
    bad: pd.DataFrame
    violations: tuple[Violation, ...]


def split_valid(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> Split:
    """Check every row of `frame` against `schema`.

    Raises:
        pandera.errors.SchemaErrors: The table as a whole is wrong (a column is missing or has another type): no row
            of it can be judged.
    """
    frame = frame.reset_index(drop=True)
    try:
        return Split(schema.validate(frame, lazy=True), frame.head(0).assign(reason=""), ())
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        if cases["index"].isna().any():
            raise
    cases = cases.assign(index=cases["index"].astype(int), column=cases["column"].fillna("(row)"))
    violations = tuple(
        Violation(
            str(schema.name),
            str(column),
            str(rule),
            int(group["index"].nunique()),
            tuple(str(case) for case in group["failure_case"].drop_duplicates().head(EXAMPLES)),
        )
        for (column, rule), group in cases.groupby(["column", "check"], sort=True)
    )
    reason = (cases["column"] + ": " + cases["check"].astype(str)).groupby(cases["index"]).agg("; ".join)
    bad = frame.loc[reason.index].assign(reason=reason)
    good = frame.drop(index=reason.index)
    return Split(good, bad, violations)
