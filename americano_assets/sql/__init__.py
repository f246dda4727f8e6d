"""The project's queries, one a file, and how to read them."""

from functools import cache
from pathlib import Path

SQL_ROOT = Path(__file__).resolve().parent


@cache
def query(name: str) -> str:
    """The text of a query by its path without the ending, e.g. `features/spine`."""
    return (SQL_ROOT / f"{name}.sql").read_text()
