"""Queries over a log of any learners."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
