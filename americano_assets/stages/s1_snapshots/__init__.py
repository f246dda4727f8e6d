"""Events and state of the app's database as Parquet, checked row by row."""
