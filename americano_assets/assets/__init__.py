"""The Dagster layer, one module a stage, in the order that data flows. Bodies read, call core, write, add metadata."""
