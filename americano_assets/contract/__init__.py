"""The app's database: what the pipeline may count on, declared once in Python and checked against a live one."""

from americano_assets.contract.tables import READ, TABLES, WRITTEN, table

__all__ = ["READ", "TABLES", "WRITTEN", "table"]
