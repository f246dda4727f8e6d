"""The app's tables, declared once: everything that knows a column or a type of theirs knows it from here."""

from americano_assets.contract.declaration import Table
from americano_assets.contract.tables_read import READ
from americano_assets.contract.tables_written import WRITTEN

__all__ = ["READ", "TABLES", "WRITTEN", "table"]

TABLES: tuple[Table, ...] = READ + WRITTEN


def table(name: str) -> Table:
    """The declared table called `name`.

    Raises:
        KeyError: The contract has no such table.
    """
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
