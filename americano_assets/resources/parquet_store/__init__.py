"""Parquet files by content, with a pointer a table and day."""
