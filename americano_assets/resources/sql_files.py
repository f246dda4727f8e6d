"""Queries in files of their own: one a file, in the folder `sql/` of the package that runs them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path


def queries(init_file: str) -> Callable[[str], str]:
    """The reader of a folder's queries.

    Args:
        init_file: `__file__` of the folder's `__init__.py`.

    Returns:
        A function from a query's name, its file's without the ending, to its text; the file may lie in a folder below.
    """
    root = Path(init_file).parent

    @cache
    def query(name: str) -> str:
        (path,) = root.rglob(f"{name}.sql")
        return path.read_text(encoding="utf-8")

    return query
