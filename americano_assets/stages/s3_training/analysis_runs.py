"""The link from the app's `analysis_runs` to MLflow, the one thing that we write there."""

from typing import Any

import psycopg

from americano_assets.errors import AmericanoError

_UPDATABLE = """
SELECT pg_column_is_updatable(attrelid, attnum, false) FROM pg_attribute
WHERE attrelid = 'analysis_runs'::regclass AND attname = 'mlflowRunId'
"""


def require_run(connection: psycopg.Connection[Any], analysis_run: str) -> None:
    """Refuse an id of which the app's table shows no row, before any work is done for it.

    Raises:
        AmericanoError: It shows none, or is a view that cannot be written to.
    """
    if connection.execute('SELECT 1 FROM analysis_runs WHERE "id" = %s', [analysis_run]).fetchone() is None:
        raise AmericanoError(
            f"analysis_runs has no row with the id «{analysis_run}» that this database role can see: give the id of an"
            " analysis run of the app's, or none."
        )
    if connection.execute(_UPDATABLE).fetchone() == (False,):
        raise AmericanoError(
            'analysis_runs is a view whose "mlflowRunId" PostgreSQL cannot update, so no MLflow run can be linked:'
            " make it a view of one table that has this column, or give no analysis run."
        )


def link_run(connection: psycopg.Connection[Any], analysis_run: str, mlflow_run: str) -> None:
    """Write an MLflow run's id into the app's row; one that was there before is replaced.

    Raises:
        AmericanoError: No row was changed: it is gone, or row-level security keeps it from this role.
    """
    changed = connection.execute(
        'UPDATE analysis_runs SET "mlflowRunId" = %s WHERE "id" = %s', [mlflow_run, analysis_run]
    ).rowcount
    if changed != 1:
        raise AmericanoError(
            f"analysis_runs: the row «{analysis_run}» could not be changed, so MLflow run {mlflow_run} is linked from"
            " nowhere. It was deleted, or row-level security lets this database role read it only: a policy for UPDATE"
            ' of "mlflowRunId" is needed.'
        )
