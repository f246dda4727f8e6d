"""A PostgreSQL server of our own, for who has none."""
