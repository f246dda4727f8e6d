"""The app's tables as external assets, so that lineage begins at PostgreSQL. Nothing is materialized here."""

import dagster as dg

from americano_assets.contract.tables import READ
from americano_assets.stages.common.metadata import OWNERS, app_key

# Looked at only to write the run of a training beside it: no asset is computed from its rows.
_NO_SOURCE = {"analysis_runs"}

SOURCES = [
    dg.AssetSpec(
        app_key(table.name),
        description=f"The app's table `{table.name}`, owned by Prisma; read only.",
        kinds={"postgres"},
        owners=OWNERS,
    )
    for table in READ
    if table.name not in _NO_SOURCE
]
