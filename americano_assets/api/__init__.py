"""The HTTP interface. It serves what the nightly run has published, and imports neither Dagster nor scikit-learn."""
