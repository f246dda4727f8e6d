"""What every column that the pipeline writes means: names, types, units."""
