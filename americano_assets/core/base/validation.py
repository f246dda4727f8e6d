"""Splits rows by whether they keep the rules of their table, and says in words which rule was broken how often."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
import pandera.errors
import pandera.pandas as pa

EXAMPLES = 3
# A schema's metadata names the column that holds a row's id; a table without one has no examples.
ROW_ID = "row_id"
# What a row breaks whose label the contract does not know: nobody's mistake.
UNKNOWN_LABEL = "a label of the contract"


@dataclass(frozen=True)
class Violation:
    """A rule that rows broke: where, which, how many rows, and the ids of up to three of them.

    The values themselves are not told: they may be people's words, and the message goes into logs.
    """

    table: str
    column: str
    rule: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        rows = "1 row breaks" if self.count == 1 else f"{self.count} rows break"
        shown = f" (e.g. {', '.join(self.examples)})" if self.examples else ""
        return f"{self.table}.{self.column}: {rows} «{self.rule}»{shown}"


def merged(violations: Iterable[Violation]) -> list[Violation]:
    """The violations of several batches as those of one: a rule of a column once, counts added."""
    found: dict[tuple[str, str, str], Violation] = {}
    for one in violations:
        key = (one.table, one.column, one.rule)
        before = found.get(key)
        found[key] = (
            one
            if before is None
            else replace(before, count=before.count + one.count, examples=(*before.examples, *one.examples)[:EXAMPLES])
        )
    return list(found.values())


@dataclass(frozen=True)
class Checked:
    """What the rules of a table found.

    Attributes:
        table: The table.
        rows: Rows that were looked at.
        bad: Rows that break a rule.
        rules: How many rows break each rule that some break, by column and rule.
    """

    table: str
    rows: int
    bad: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, more: "Checked") -> "Checked":
        """What was found in these rows and in more of the table."""
        rules = Counter(self.rules) + Counter(more.rules)
        return Checked(self.table, self.rows + more.rows, self.bad + more.bad, dict(sorted(rules.items())))

    @property
    def told(self) -> list[str]:
        """A sentence a rule that rows broke, without any of their values."""
        split = ((*place.split(": ", 1), count) for place, count in self.rules.items())
        return [f"{self.table}.{column}: {count} rows break «{rule}»" for column, rule, count in split]

    def require(self) -> None:
        """Refuse rows that we made ourselves and that break a rule.

        Raises:
            RulesBrokenError: Some do. Dagster keeps what an error says, so it names nobody.
        """
        if self.bad:
            raise RulesBrokenError("; ".join(self.told), self)


def checked(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> Checked:
    """Look at every row, and change none."""
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return _found(errors, schema, len(frame))
    return Checked(str(schema.name), len(frame))


def _found(errors: pandera.errors.SchemaErrors, schema: pa.DataFrameSchema, rows: int) -> Checked:
    cases = errors.failure_cases
    rules = cases.groupby([cases["column"].fillna("(row)"), "check"]).size()
    # What a table breaks as a whole, a type for instance, all of its rows break.
    bad = rows if cases["index"].isna().any() else int(cases["index"].nunique())
    return Checked(str(schema.name), rows, bad, {f"{column}: {rule}": int(n) for (column, rule), n in rules.items()})


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
    row_id = (schema.metadata or {}).get(ROW_ID)
    violations = tuple(
        Violation(
            str(schema.name),
            str(column),
            str(rule),
            int(group["index"].nunique()),
            _ids(frame, row_id, group["index"]),
        )
        for (column, rule), group in cases.groupby(["column", "check"], sort=True)
    )
    reason = (cases["column"] + ": " + cases["check"].astype(str)).groupby(cases["index"]).agg("; ".join)
    bad = frame.loc[reason.index].assign(reason=reason)
    good = frame.drop(index=reason.index)
    return Split(good, bad, violations)


class RulesBrokenError(ValueError):
    """Rows of ours break the rules of their table: a defect. The message tells rules and counts, never a value."""

    def __init__(self, message: str, found: Checked) -> None:
        """Args: the message, and what the rules found."""
        super().__init__(message)
        self.checked = found


def require_valid(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Rows that we made ourselves, which keep every rule.

    Raises:
        RulesBrokenError: Some do not. Dagster keeps what an error says, so it names nobody.
    """
    try:
        return schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        found = _found(errors, schema, len(frame))
        raise RulesBrokenError("; ".join(found.told), found) from None


def _ids(frame: pd.DataFrame, row_id: str | None, indexes: pd.Series) -> tuple[str, ...]:
    if row_id is None:
        return ()
    chosen = indexes.drop_duplicates().sort_values().head(EXAMPLES)
    return tuple(str(one) or "(empty)" for one in frame.loc[chosen, row_id])
