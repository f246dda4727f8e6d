"""SQL that gives a role just what the pipeline and its API need on the app's database.

python -m americano_assets.contract.grants [ROLE]
"""

import sys

from americano_assets.contract.tables import READ, WRITTEN

ROLE = "americano_pipeline"
# What is written in tables that are otherwise read: the link to an MLflow run, and what the API adds to a mission.
UPDATED = {"analysis_runs": "mlflowRunId", "missions": "objectives"}


def grants(role: str = ROLE) -> str:
    """Statements for the database's owner; people's words, names and addresses are out of the role's reach."""
    quoted = f'"{role}"'
    statements = [
        f"CREATE SCHEMA IF NOT EXISTS ml AUTHORIZATION {quoted};",
        f"GRANT USAGE ON SCHEMA public TO {quoted};",
    ]
    for table in READ:
        columns = ", ".join(f'"{column.name}"' for column in table.extracted)
        statements.append(f'GRANT SELECT ({columns}) ON "{table.name}" TO {quoted};')
    statements += [f'GRANT UPDATE ("{column}") ON "{table}" TO {quoted};' for table, column in UPDATED.items()]
    statements += [f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table.name}" TO {quoted};' for table in WRITTEN]
    return "\n".join(statements) + "\n"


if __name__ == "__main__":
    print(grants(*sys.argv[1:2]), end="")
