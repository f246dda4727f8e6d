"""The stage's queries."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
