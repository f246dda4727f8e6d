"""Queries that make the app's tables of OULAD's."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
