"""The outside world: PostgreSQL, the Parquet store, DuckDB, the model registry.

Belongs here: connecting, reading, writing, starting servers. Does not: deciding anything about learners.
"""
