"""Values of a query: which it names, and how they stand in one that cannot have any."""

import re
from collections.abc import Mapping
from datetime import datetime


def named(text: str, parameters: Mapping[str, object] | None) -> dict[str, object]:
    """The values that a query names, and no others: DuckDB refuses a value that it has no place for."""
    return {name: value for name, value in (parameters or {}).items() if re.search(rf"\${name}\b", text)}


def inlined(text: str, parameters: Mapping[str, object]) -> str:
    """A query with its numbers and times written into it.

    Raises:
        TypeError: It names a value of another type: a text must never get into a query this way.
    """
    for name in sorted(named(text, parameters), key=len, reverse=True):
        value = parameters[name]
        if isinstance(value, datetime):
            literal = f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            literal = repr(value)
        else:
            raise TypeError(f"{name}: only numbers and times can be written into a view")
        text = text.replace(f"${name}", literal)
    return text
