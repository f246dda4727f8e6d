"""Queries of the demo on simulated learners."""

from americano_assets.resources.sql_files import queries

query = queries(__file__)
