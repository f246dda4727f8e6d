"""The flow, a folder a stage in the order that data takes; each is named as its group in Dagster."""
