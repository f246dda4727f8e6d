"""The outside world: PostgreSQL, the Parquet store, DuckDB, the model registry."""
