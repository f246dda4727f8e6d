"""The report of the night, and the database for research."""
