"""Queries that make the app's tables of a staged log."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
