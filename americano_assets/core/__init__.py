"""Pure functions over values, arrays and data frames: no Dagster, no I/O, no clock, no environment."""
