"""DuckDB in memory over Parquet and Arrow."""
