"""The number by which the queries know a learner."""

import duckdb


def key_of(learner: str) -> int:
    """The 64 bits by which the queries know a learner."""
    with duckdb.connect() as connection:
        return int(connection.execute("SELECT md5_number_lower(?)", [learner]).fetchall()[0][0])
