"""The app's database: what the pipeline may count on, declared once in Python and checked against a live one.

Belongs here: `tables` and `enums` (the declaration), `ddl` (bootstrap), `check` (comparison). Does not: our own
tables in schema `ml`, connecting.
"""

from americano_assets.contract.tables import READ, TABLES, WRITTEN, table

__all__ = ["READ", "TABLES", "WRITTEN", "table"]
