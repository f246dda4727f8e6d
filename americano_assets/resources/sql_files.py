"""Queries in files of their own: one a file, in the folder `sql/` of the package that runs them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path


def queries(*init_files: str) -> Callable[[str], str]:
    """The reader of the queries of one folder, or of several.

    Args:
        init_files: `__file__` of the `__init__.py` of each folder.

    Returns:
        A function from a query's name, its file's without the ending, to its text; the file may lie in a folder below.
    """
    roots = [Path(init_file).parent for init_file in init_files]

    @cache
    def query(name: str) -> str:
        (path,) = (path for root in roots for path in root.rglob(f"{name}.sql"))
        return path.read_text(encoding="utf-8")

    return query
