"""Queries of what the commands show."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
